//! Integrals over an interval of several functions at once, by the rule of Gauss and Kronrod with
//! seven and fifteen points (Piessens and others 1983), on halves of halves where the two disagree.

/// Places in (0, 1), mirrored at zero; every second one is Gauss's.
const PLACES: [f64; 8] = [
    0.991_455_371_120_812_6,
    0.949_107_912_342_758_5,
    0.864_864_423_359_769_1,
    0.741_531_185_599_394_4,
    0.586_087_235_467_691_1,
    0.405_845_151_377_397_17,
    0.207_784_955_007_898_47,
    0.0,
];
const FIFTEEN: [f64; 8] = [
    0.022_935_322_010_529_224,
    0.063_092_092_629_978_55,
    0.104_790_010_322_250_18,
    0.140_653_259_715_525_92,
    0.169_004_726_639_267_9,
    0.190_350_578_064_785_4,
    0.204_432_940_075_298_9,
    0.209_482_141_084_727_82,
];
const SEVEN: [f64; 4] = [
    0.129_484_966_168_869_7,
    0.279_705_391_489_276_64,
    0.381_830_050_505_118_93,
    0.417_959_183_673_469_4,
];

/// Most pieces of the whole.
const PIECES: usize = 20_000;

/// Adds the integrals from `from` to `to` to `sums`. `f(t, values)` writes the functions at `t`. The
/// two rules differ by at most `tolerance` on each piece, which is far more than the better one errs.
pub fn integrate(
    (from, to): (f64, f64),
    tolerance: f64,
    mut f: impl FnMut(f64, &mut [f64]),
    sums: &mut [f64],
) {
    let n = sums.len();
    let mut values = vec![0.0; n];
    let (mut good, mut coarse) = (vec![0.0; n], vec![0.0; n]);
    let mut left = vec![(from, to)];
    let mut pieces = 0;
    while let Some((a, b)) = left.pop() {
        pieces += 1;
        let (middle, half) = (0.5 * (a + b), 0.5 * (b - a));
        good.fill(0.0);
        coarse.fill(0.0);
        for (i, (&place, &weight)) in PLACES.iter().zip(&FIFTEEN).enumerate() {
            let signs: &[f64] = if place == 0.0 { &[0.0] } else { &[-1.0, 1.0] };
            for sign in signs {
                f(middle + sign * place * half, &mut values);
                for (sum, value) in good.iter_mut().zip(&values) {
                    *sum += half * weight * value;
                }
                if i % 2 == 1 {
                    for (sum, value) in coarse.iter_mut().zip(&values) {
                        *sum += half * SEVEN[i / 2] * value;
                    }
                }
            }
        }
        let close = good.iter().zip(&coarse).all(|(g, c)| (g - c).abs() <= tolerance);
        if close || pieces + left.len() >= PIECES {
            sums.iter_mut().zip(&good).for_each(|(sum, good)| *sum += good);
        } else {
            left.push((middle, b));
            left.push((a, middle));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_are_exact_and_waves_are_followed() {
        let mut sums = [0.0; 3];
        let f = |t: f64, out: &mut [f64]| {
            out.copy_from_slice(&[t.powi(12), (40.0 * t).sin() / t, (-500.0 * t * t).exp()]);
        };
        integrate((0.0, 3.0), 1e-10, f, &mut sums);
        let root = 0.5 * (std::f64::consts::PI / 500.0).sqrt();
        assert!((sums[0] / (3.0_f64.powi(13) / 13.0) - 1.0).abs() < 1e-13);
        // The sine integral by its asymptotic series.
        let (c, s) = (120.0_f64.cos(), 120.0_f64.sin());
        let series = std::f64::consts::FRAC_PI_2
            - c / 120.0 * (1.0 - 2.0 / 120.0_f64.powi(2) + 24.0 / 120.0_f64.powi(4))
            - s / 120.0_f64.powi(2) * (1.0 - 6.0 / 120.0_f64.powi(2) + 120.0 / 120.0_f64.powi(4));
        assert!((sums[1] - series).abs() < 1e-10, "{} {series}", sums[1]);
        assert!((sums[2] - root).abs() < 1e-12);
    }
}
