//! The gate of a delivery: while it is closed, nothing new is begun.

use tokio::sync::watch;

/// Between whoever pauses a delivery and whoever delivers. It may be closed and opened at any time, also before
/// the delivery begins and over several deliveries.
#[derive(Debug)]
pub struct Gate(watch::Sender<bool>);

impl Default for Gate {
    /// An open gate.
    fn default() -> Self {
        Self(watch::Sender::new(true))
    }
}

impl Gate {
    /// From now on what was begun is finished and nothing new is begun.
    pub fn close(&self) {
        self.0.send_replace(false);
    }

    /// Deliveries go on at once.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Whether new messages may be begun.
    pub fn is_open(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the gate is open.
    pub(crate) async fn opened(&self) {
        self.is(true).await;
    }

    /// Waits until the gate is closed.
    pub(crate) async fn closed(&self) {
        self.is(false).await;
    }

    async fn is(&self, open: bool) {
        // It fails only when the sender is gone, and that is ours.
        let _ = self.0.subscribe().wait_for(|now| *now == open).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_waits_goes_on_when_it_opens() {
        let gate = Gate::default();
        assert!(gate.is_open());
        gate.opened().await;
        gate.close();
        assert!(!gate.is_open());
        gate.closed().await;
        tokio::join!(gate.opened(), async { gate.open() });
        assert!(gate.is_open());
    }
}
