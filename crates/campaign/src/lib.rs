//! Recipients, filter and template to messages; resume; schedules.
