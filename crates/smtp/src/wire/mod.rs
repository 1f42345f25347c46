//! What stands on the wire, for both roles: lines, commands, paths, replies, dots and chunks.

pub mod buffer;
pub mod chunk;
pub mod command;
pub mod dot;
pub mod line;
pub mod path;
pub mod reply;
pub mod text;

pub use buffer::InputBuffer;
pub use dot::{DotDecoder, DotStuffer};
pub use reply::{RawReply, ReplyError, ReplyReader};
