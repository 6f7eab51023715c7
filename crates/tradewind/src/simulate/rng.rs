//! Random numbers whose every bit is the same on every machine: a xoshiro256++ generator and the few
//! distributions the simulator draws from, built on `+ - * /` and `sqrt` alone (the platform's `ln` and `exp`
//! may differ in the last bit from one libm to the next, so ours are here).

/// splitmix64's finaliser: a bijection on `u64`, so distinct inputs give distinct outputs.
pub(super) const fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// xoshiro256++ 1.0 (Blackman and Vigna), seeded through splitmix64 as its authors advise.
#[derive(Clone, Debug)]
pub(super) struct Rng([u64; 4]);

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        Self([0, 1, 2, 3].map(|i: u64| mix(seed.wrapping_add(STEP.wrapping_mul(i)))))
    }

    pub(super) fn bits(&mut self) -> u64 {
        let s = &mut self.0;
        let out = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        out
    }

    /// Uniform in `[0, 1)` with 53 bits.
    pub(super) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in `0..n`; `n` of 0 gives 0. The bias (below n / 2³²) does not matter here.
    pub(super) fn below(&mut self, n: u32) -> u32 {
        (((self.bits() >> 32) * u64::from(n)) >> 32) as u32
    }

    /// Uniform in `low..=high`.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = (high - low).max(0) as u64 + 1;
        low + ((u128::from(self.bits()) * u128::from(span)) >> 64) as i64
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u32) as usize]
    }

    /// Exponential with mean 1.
    pub(super) fn exponential(&mut self) -> f64 {
        -ln(1.0 - self.unit())
    }

    /// Standard normal, by Acklam's rational approximation of the inverse (relative error below 1.2e-9).
    pub(super) fn normal(&mut self) -> f64 {
        let p = self.unit().clamp(1e-12, 1.0 - 1e-12);
        inverse_normal(p)
    }

    /// Log-normal with the given median; `sigma` is the deviation of its logarithm.
    pub(super) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * exp(sigma * self.normal())
    }
}

fn inverse_normal(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969683028665376e1,
        2.209460984245205e2,
        -2.759285104469687e2,
        1.38357751867269e2,
        -3.066479806614716e1,
        2.506628277459239,
    ];
    const B: [f64; 6] = [
        -5.447609879822406e1,
        1.615858368580409e2,
        -1.556989798598866e2,
        6.680131188771972e1,
        -1.328068155288572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784894002430293e-3,
        -3.223964580411365e-1,
        -2.400758277161838,
        -2.549732539343734,
        4.374664141464968,
        2.938163982698783,
    ];
    const D: [f64; 5] = [
        7.784695709041462e-3,
        3.224671290700398e-1,
        2.445134137142996,
        3.754408661907416,
        1.0,
    ];
    let horner = |c: &[f64], x: f64| c.iter().fold(0.0, |sum, k| sum * x + k);
    let tail = |p: f64| {
        let q = (-2.0 * ln(p)).sqrt();
        horner(&C, q) / horner(&D, q)
    };
    if p < 0.02425 {
        tail(p)
    } else if p > 1.0 - 0.02425 {
        -tail(1.0 - p)
    } else {
        let q = p - 0.5;
        let r = q * q;
        horner(&A, r) * q / horner(&B, r)
    }
}

/// Natural logarithm of a positive, normal number.
pub(super) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) & 0x7ff) as i64 - 1023;
    let mut m = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
    if m > std::f64::consts::SQRT_2 {
        m *= 0.5;
        exponent += 1;
    }
    let s = (m - 1.0) / (m + 1.0);
    let s2 = s * s;
    let series = (0..=10)
        .rev()
        .fold(0.0, |sum, k| sum * s2 + 1.0 / f64::from(2 * k + 1));
    exponent as f64 * std::f64::consts::LN_2 + 2.0 * s * series
}

/// e to the power of `x`, for |x| below 700.
pub(super) fn exp(x: f64) -> f64 {
    let k = (x * std::f64::consts::LOG2_E + if x < 0.0 { -0.5 } else { 0.5 }) as i64;
    let r = x - k as f64 * std::f64::consts::LN_2;
    let series = (1..=12)
        .rev()
        .fold(1.0, |sum, n| 1.0 + sum * r / f64::from(n));
    series * f64::from_bits(((k + 1023) as u64) << 52)
}

/// Draws an index with the given weights in constant time (Vose's alias method).
#[derive(Clone, Debug)]
pub(super) struct Alias(Vec<(f64, u32)>);

impl Alias {
    pub(super) fn new(weights: &[f64]) -> Self {
        let n = weights.len();
        let sum: f64 = weights.iter().sum();
        let mut table: Vec<(f64, u32)> = (0..n)
            .map(|i| (weights[i] * n as f64 / sum, i as u32))
            .collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..n).partition(|&i| table[i].0 < 1.0);
        while let (Some(&s), Some(&l)) = (small.last(), large.last()) {
            small.pop();
            table[s].1 = l as u32;
            table[l].0 -= 1.0 - table[s].0;
            if table[l].0 < 1.0 {
                large.pop();
                small.push(l);
            }
        }
        // What remains is 1 up to rounding.
        for i in small.into_iter().chain(large) {
            table[i].0 = 1.0;
        }
        Self(table)
    }

    pub(super) fn draw(&self, rng: &mut Rng) -> usize {
        let i = rng.below(self.0.len() as u32) as usize;
        let (keep, other) = self.0[i];
        if rng.unit() < keep { i } else { other as usize }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xoshiro_gives_the_reference_sequence() {
        // The authors' C program, from the state 1, 2, 3, 4.
        let mut rng = Rng([1, 2, 3, 4]);
        let first: Vec<u64> = (0..4).map(|_| rng.bits()).collect();
        assert_eq!(
            first,
            [
                41_943_041,
                58_720_359,
                3_588_806_011_781_223,
                3_591_011_842_654_386
            ]
        );
    }

    #[test]
    fn logarithm_and_exponential_agree_with_the_platform() {
        for i in 1..2_000 {
            let x = f64::from(i) * 0.013;
            assert!((ln(x) - x.ln()).abs() < 1e-12, "ln {x}");
            let y = f64::from(i - 1_000) * 0.02;
            assert!((exp(y) / y.exp() - 1.0).abs() < 1e-12, "exp {y}");
        }
    }

    #[test]
    fn distributions_have_their_moments() {
        let mut rng = Rng::new(7);
        let n = 200_000;
        let (mut sum, mut squares, mut waits) = (0.0, 0.0, 0.0);
        for _ in 0..n {
            let z = rng.normal();
            sum += z;
            squares += z * z;
            waits += rng.exponential();
        }
        let n = f64::from(n);
        assert!(
            (sum / n).abs() < 0.01
                && (squares / n - 1.0).abs() < 0.02
                && (waits / n - 1.0).abs() < 0.01
        );
        let alias = Alias::new(&[1.0, 2.0, 5.0]);
        let mut hits = [0.0; 3];
        for _ in 0..80_000 {
            hits[alias.draw(&mut rng)] += 1.0 / 80_000.0;
        }
        assert!((hits[0] - 0.125_f64).abs() < 0.01 && (hits[2] - 0.625_f64).abs() < 0.01);
    }
}
