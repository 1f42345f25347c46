//! From the queue to the remote server.
