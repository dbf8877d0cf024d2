"""What is switched and measured on the page: lights, pumps, groups, sensors, cabinets, rules."""
