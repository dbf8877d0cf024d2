// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * PWM channels that drive nothing, for tests of what speaks to /sys/class/pwm: Linux keeps period, duty cycle, polarity
 * and enable as it does for a real chip, and refuses what it refuses there.
 */
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/pwm.h>

#define CHANNELS 4

static int pwm_sim_apply(struct pwm_chip *chip, struct pwm_device *pwm, const struct pwm_state *state)
{
	return 0;
}

static const struct pwm_ops pwm_sim_ops = {
	.apply = pwm_sim_apply,
	.owner = THIS_MODULE,
};

static struct platform_device *pwm_sim_device;
static struct pwm_chip pwm_sim_chip;

static int __init pwm_sim_init(void)
{
	int error;

	pwm_sim_device = platform_device_register_simple("pwm-sim", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(pwm_sim_device))
		return PTR_ERR(pwm_sim_device);
	pwm_sim_chip.dev = &pwm_sim_device->dev;
	pwm_sim_chip.ops = &pwm_sim_ops;
	pwm_sim_chip.npwm = CHANNELS;
	error = pwmchip_add(&pwm_sim_chip);
	if (error)
		platform_device_unregister(pwm_sim_device);
	return error;
}

static void __exit pwm_sim_exit(void)
{
	pwmchip_remove(&pwm_sim_chip);
	platform_device_unregister(pwm_sim_device);
}

module_init(pwm_sim_init);
module_exit(pwm_sim_exit);
MODULE_DESCRIPTION("PWM channels that drive nothing, for tests");
MODULE_LICENSE("GPL");
