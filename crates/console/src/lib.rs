//! Every way people look.
