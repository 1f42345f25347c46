//! A row on its way from one backend to the other.

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    Flag,
    Text,
    Bytes,
}

/// A column as it is filled.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Nothing,
    Number(i64),
    Flag(bool),
    Text(String),
    Bytes(Vec<u8>),
}

/// The values of a row, in the order of the columns.
pub(crate) type Row = Vec<Cell>;

/// Rows that go together, bounded by what they hold.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) rows: Vec<Row>,
    bytes: usize,
}

/// When a batch is full: beyond it lies one row at most.
const BATCH_BYTES: usize = 64 * 1024;
/// What a value takes by itself, roughly.
const CELL_BYTES: usize = 32;

// === impl Cell ===

impl Cell {
    fn bytes(&self) -> usize {
        CELL_BYTES
            + match self {
                Self::Nothing | Self::Number(_) | Self::Flag(_) => 0,
                Self::Text(text) => text.len(),
                Self::Bytes(bytes) => bytes.len(),
            }
    }
}

// === impl Batch ===

impl Batch {
    pub(crate) fn add(&mut self, row: Row) {
        self.bytes += row.iter().map(Cell::bytes).sum::<usize>();
        self.rows.push(row);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= BATCH_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_full_by_what_it_holds() {
        let mut batch = Batch::default();
        batch.add(vec![Cell::Text("x".repeat(BATCH_BYTES - 1_000))]);
        assert!(!batch.is_full());
        batch.add(vec![Cell::Bytes(vec![0; 1_000]), Cell::Nothing]);
        assert!(batch.is_full());
        let mut small = Batch::default();
        while !small.is_full() {
            small.add(vec![Cell::Number(1); 16]);
        }
        assert!(small.rows.len() <= 128, "small rows count as well");
    }
}
