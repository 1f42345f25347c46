//! Secrets are compared by their hashes, in a time that tells nothing.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};

/// The SHA-256 of a secret. Comparing it takes the same time whatever and however long the other text is.
#[derive(Clone, Debug)]
pub struct Fingerprint([u8; Self::BYTES]);

impl Fingerprint {
    pub const BYTES: usize = SHA256_OUTPUT_LEN;

    pub fn of(text: &str) -> Self {
        let mut bytes = [0; Self::BYTES];
        bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        Self(bytes)
    }

    pub fn is_of(&self, text: &str) -> bool {
        verify_slices_are_equal(&self.0, &Self::of(text).0).is_ok()
    }

    /// The hash as the key of a table, where the time of a search tells of hashes at most, never of a secret.
    pub fn bytes(&self) -> [u8; Self::BYTES] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPARISONS: u32 = 200_000;

    #[test]
    fn only_the_same_text_has_the_same_fingerprint() {
        let one = Fingerprint::of("token");
        assert!(one.is_of("token"));
        for other in ["", "toke", "tokens", "Token", "uoken"] {
            assert!(!one.is_of(other), "{other}");
        }
    }

    /// Bar for timing: Welch's t between guesses that are wrong in their first byte and in their last.
    #[test]
    fn the_time_of_a_comparison_does_not_tell_where_a_guess_is_wrong() {
        let token = "0123456789abcdef0123456789abcdef0123456789a";
        let (first, last) = (token.replacen('0', "x", 1), format!("{}x", &token[..42]));
        let print = Fingerprint::of(token);
        // What else the machine does shows in the figures: one quiet round is enough, and a leak has none.
        assert!((0..10).any(|_| welch_t(&print, &first, &last) < 4.5));
    }

    fn welch_t(print: &Fingerprint, one: &str, other: &str) -> f64 {
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..COMPARISONS {
            // In turns, and the order in a pair changes as well.
            let which = usize::from((round ^ (round >> 1)) & 1 == 1);
            let start = std::time::Instant::now();
            std::hint::black_box(print.is_of([one, other][which]));
            times[which].push(start.elapsed().as_nanos() as f64);
        }
        let [(mean_a, error_a), (mean_b, error_b)] = times.map(quiet_mean);
        (mean_a - mean_b).abs() / (error_a + error_b).sqrt()
    }

    /// The mean and its squared error, without the slowest tenth: those were interrupted.
    fn quiet_mean(mut times: Vec<f64>) -> (f64, f64) {
        times.sort_by(f64::total_cmp);
        times.truncate(times.len() * 9 / 10);
        let count = times.len() as f64;
        let mean = times.iter().sum::<f64>() / count;
        let spread = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>();
        (mean, spread / (count - 1.0) / count)
    }
}
