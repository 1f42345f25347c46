//! Floating-point numbers by their bits: `%b` and `%x`.

const FRACTION_BITS: u32 = 52;
const EXPONENT_BIAS: i32 = 1023;

/// A number that is not negative as `mantissa × 2^(exponent - 52)`.
pub(super) struct Bits {
    mantissa: u64,
    exponent: i32,
}

impl Bits {
    pub(super) fn of(number: f64) -> Self {
        let bits = number.to_bits();
        let fraction = bits & ((1 << FRACTION_BITS) - 1);
        let field = i32::try_from((bits >> FRACTION_BITS) & 0x7ff).unwrap_or_default();
        if field == 0 {
            return Self {
                mantissa: fraction,
                exponent: 1 - EXPONENT_BIAS,
            };
        }
        Self {
            mantissa: fraction | 1 << FRACTION_BITS,
            exponent: field - EXPONENT_BIAS,
        }
    }

    /// `4503599627370496p-52`
    pub(super) fn binary(&self) -> String {
        format!(
            "{}p{:+}",
            self.mantissa,
            self.exponent - FRACTION_BITS.cast_signed()
        )
    }

    /// `0x1.8p+01`, with as many digits as there are or as `precision` says.
    pub(super) fn hexadecimal(&self, precision: Option<usize>) -> String {
        let (mut mantissa, mut exponent) = self.normalized();
        if let Some(digits) = precision
            && digits < 15
        {
            (mantissa, exponent) = rounded(mantissa, exponent, digits * 4);
        }
        let whole = mantissa >> 60;
        let fraction = format!("{:015x}", mantissa & ((1 << 60) - 1));
        let fraction = match precision {
            Some(digits) if digits <= fraction.len() => fraction[..digits].to_owned(),
            Some(digits) => format!("{fraction}{}", "0".repeat(digits - fraction.len())),
            None => fraction.trim_end_matches('0').to_owned(),
        };
        let point = if fraction.is_empty() { "" } else { "." };
        let sign = if exponent < 0 { '-' } else { '+' };
        format!(
            "0x{whole}{point}{fraction}p{sign}{:02}",
            exponent.unsigned_abs()
        )
    }

    /// With the leading one, if any, at bit 60.
    fn normalized(&self) -> (u64, i32) {
        if self.mantissa == 0 {
            return (0, 0);
        }
        let shift = self.mantissa.leading_zeros() - 3;
        let lost = (60 - FRACTION_BITS).cast_signed() - shift.cast_signed();
        (self.mantissa << shift, self.exponent + lost)
    }
}

/// Keeps `bits` of the fraction; a tie goes to the even.
fn rounded(mantissa: u64, exponent: i32, bits: usize) -> (u64, i32) {
    let rest = (mantissa << bits) & ((1 << 60) - 1);
    let mut kept = mantissa >> (60 - bits);
    if rest | (kept & 1) > 1 << 59 {
        kept += 1;
    }
    let mantissa = kept << (60 - bits);
    if mantissa >> 61 == 1 {
        (mantissa >> 1, exponent + 1)
    } else {
        (mantissa, exponent)
    }
}
