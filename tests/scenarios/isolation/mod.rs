//! What is hostile or broken touches only itself: a recipient, a row, an answer, a connection.

mod hostile_answers;
mod hostile_cells;
mod hostile_greetings;
mod poison_row;
mod unruly_recipients;
