#!/bin/bash -e
# Our package, with what it depends on; afterwards nothing of it needs a network.

install -m 644 files/edge-agent.deb "${ROOTFS_DIR}/root/edge-agent.deb"
on_chroot <<-'EOF'
	apt-get -o Acquire::Retries=3 install --no-install-recommends -y /root/edge-agent.deb
EOF
rm -f "${ROOTFS_DIR}/root/edge-agent.deb"

if [ -n "$(ls files/voices)" ]; then
	install -d -m 755 "${ROOTFS_DIR}/usr/share/edge-agent/voices"
	cp -r files/voices/. "${ROOTFS_DIR}/usr/share/edge-agent/voices/"
	chmod -R a+rX,go-w "${ROOTFS_DIR}/usr/share/edge-agent/voices"
fi
