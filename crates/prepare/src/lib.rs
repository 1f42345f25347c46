//! What a message needs before it can go and that takes IO: attachments.
