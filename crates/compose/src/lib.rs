//! Template and data in, the exact bytes on the wire out.
