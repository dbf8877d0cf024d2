#!/bin/bash -e
# A node stands on a pole for years: little is written onto its card, and a kernel that hangs is started again.

boot=${ROOTFS_DIR}/boot/firmware
install -D -m 644 files/chrony.conf "${ROOTFS_DIR}/etc/chrony/conf.d/edge-agent.conf"
install -D -m 644 files/journald.conf "${ROOTFS_DIR}/etc/systemd/journald.conf.d/edge-agent.conf"
install -D -m 644 files/watchdog.conf "${ROOTFS_DIR}/etc/systemd/system.conf.d/edge-agent-watchdog.conf"
install -D -m 644 files/swap.conf "${ROOTFS_DIR}/etc/rpi/swap.conf.d/edge-agent.conf"
install -D -m 644 files/quiet.conf "${ROOTFS_DIR}/etc/tmpfiles.d/edge-agent-logs.conf"

# FAT without times of access, and written at once: somebody may pull the card out.
sed -i -E '/[[:space:]]\/boot\/firmware[[:space:]]/ s/defaults[^[:space:]]*/defaults,noatime,flush/' "${ROOTFS_DIR}/etc/fstab"
grep -q '[[:space:]]/var/log[[:space:]]' "${ROOTFS_DIR}/etc/fstab" ||
	echo 'tmpfs  /var/log  tmpfs  defaults,noatime,nosuid,nodev,noexec,mode=755,size=32M  0  0' >>"${ROOTFS_DIR}/etc/fstab"

# Limits of memory in units work only with this; the command line is one line.
grep -qw 'cgroup_enable=memory' "${boot}/cmdline.txt" || sed -i '1 s/[[:space:]]*$/ cgroup_enable=memory/' "${boot}/cmdline.txt"
grep -q '^dtparam=watchdog=on$' "${boot}/config.txt" || printf '\n[all]\ndtparam=watchdog=on\n' >>"${boot}/config.txt"

# Nothing is fetched behind people's back over 4G; systems are renewed when somebody means to.
on_chroot <<-'EOF'
	systemctl disable apt-daily.timer apt-daily-upgrade.timer man-db.timer
	systemctl mask rpi-eeprom-update.service
	systemctl enable chrony.service
EOF
