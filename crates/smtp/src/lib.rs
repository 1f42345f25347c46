//! The SMTP protocol, written once and without IO, with thin drivers for both roles.
