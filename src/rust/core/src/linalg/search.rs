//! One variable: the largest value of a function, and the root of a rising one.

/// A place and the value there.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// The place.
    pub at: f64,
    /// The value.
    pub value: f64,
}

/// The share of an interval that a golden section cuts off.
const GOLDEN: f64 = 0.381_966_011_250_105;

/// Most sections of a bracket.
const SECTIONS: usize = 60;

/// A parabola through a bracket wider than this says nothing of its maximum to rely on.
const NARROW: f64 = 0.6;

/// The largest value of `f` near the best place of `grid` (at least one, rising), to `close`.
///
/// The places are logarithms, or of the like: `f` is smooth over steps of one. While an end of the grid
/// is best, the search goes outwards by `step` within `range`; between the neighbours of the best place
/// `f` has one maximum. The value returned is that of the best place where `f` was asked, short of the
/// maximum by the order of `close` squared.
///
/// `f` is asked for several places at once where it can share work among them.
pub fn maximum_of(
    mut f: impl FnMut(&[f64]) -> Vec<f64>,
    grid: &[f64],
    step: f64,
    range: (f64, f64),
    close: f64,
) -> Point {
    let values = f(grid);
    let mut points: Vec<Point> =
        grid.iter().zip(values).map(|(&at, value)| Point { at, value }).collect();
    let mut one = |at: f64| Point { at, value: f(&[at])[0] };
    let mut best = highest(&points);
    loop {
        let at = points[best].at;
        if best + 1 == points.len() && at + step <= range.1 {
            points.push(one(at + step));
        } else if best == 0 && at - step >= range.0 {
            points.insert(0, one(at - step));
        } else {
            break;
        }
        best = highest(&points);
    }
    let bracket =
        [points[best.saturating_sub(1)], points[best], points[(best + 1).min(points.len() - 1)]];
    refine(one, bracket, close)
}

/// [`maximum_of`] for a function of one place.
pub fn maximum(f: impl Fn(f64) -> f64, grid: &[f64], close: f64) -> Point {
    let range = (grid[0], grid[grid.len() - 1]);
    maximum_of(|at| at.iter().map(|&at| f(at)).collect(), grid, f64::INFINITY, range, close)
}

/// The first of the highest points.
fn highest(points: &[Point]) -> usize {
    (1..points.len()).fold(0, |b, i| if points[i].value > points[b].value { i } else { b })
}

/// The maximum within a bracket, whose middle may be one of its ends: parabolas, and golden sections
/// where they do not help.
fn refine(
    mut f: impl FnMut(f64) -> Point,
    [mut low, mut mid, mut high]: [Point; 3],
    close: f64,
) -> Point {
    let mut last = f64::INFINITY;
    for _ in 0..SECTIONS {
        let (a, b) = (mid.at - low.at, high.at - mid.at);
        if a.max(b) < close {
            break;
        }
        let (p, q) = ((mid.value - high.value) * a, (mid.value - low.value) * b);
        let parabola = 0.5 * (b * q - a * p) / (p + q);
        let inside = parabola > -0.9 * a && parabola < 0.9 * b;
        if inside && parabola.abs() < close && a.min(b) < NARROW {
            return Point { at: mid.at + parabola, value: mid.value };
        }
        let golden = if a > b { -GOLDEN * a } else { GOLDEN * b };
        let step = if inside && parabola.abs() < 0.5 * last { parabola } else { golden };
        last = step.abs();
        let new = f(mid.at + step);
        match (new.value >= mid.value, step > 0.0) {
            (true, true) => (low, mid) = (mid, new),
            (true, false) => (high, mid) = (mid, new),
            (false, true) => high = new,
            (false, false) => low = new,
        }
    }
    mid
}

/// Where a function that rises through zero between `low` and `high` does so, by bisection to the last
/// digit.
pub fn root(mut rising: impl FnMut(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if rising(middle) < 0.0 { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// Where a smooth function crosses zero between two places (with its values there, of opposite signs or
/// zero), to `close`: steps by inverse quadratic interpolation where the function is near enough to a
/// parabola, and halves otherwise (Chandrupatla 1997).
pub fn crossing(
    f: impl Fn(f64) -> f64,
    (low, f_low): (f64, f64),
    (high, f_high): (f64, f64),
    close: f64,
) -> f64 {
    // The root is between `a`, the last place, and `b`; `c` is the place before.
    let (mut a, mut b) = (Point { at: high, value: f_high }, Point { at: low, value: f_low });
    let mut c;
    let mut share = 0.5;
    for _ in 0..SECTIONS {
        let best = if a.value.abs() < b.value.abs() { a } else { b };
        let width = (b.at - a.at).abs();
        if best.value == 0.0 || width <= close {
            return best.at;
        }
        let at = a.at + share * (b.at - a.at);
        let new = Point { at, value: f(at) };
        if new.value.is_sign_negative() == a.value.is_sign_negative() {
            c = a;
        } else {
            (c, b) = (b, a);
        }
        a = new;
        let (xi, phi) = ((a.at - b.at) / (c.at - b.at), (a.value - b.value) / (c.value - b.value));
        let least = 0.5 * close / (b.at - a.at).abs();
        share = 0.5;
        if phi * phi < xi && (1.0 - phi) * (1.0 - phi) < 1.0 - xi {
            share = a.value / (b.value - a.value) * c.value / (b.value - c.value)
                + (c.at - a.at) / (b.at - a.at) * a.value / (c.value - a.value) * b.value
                    / (c.value - b.value);
        }
        share = share.clamp(least.min(0.5), 1.0 - least.min(0.5));
    }
    0.5 * (a.at + b.at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maxima_are_found_inside_outside_and_at_the_ends_of_the_grid() {
        let range = (-8.0, 8.0);
        for top in [-7.3, -1.1, 0.0, 0.4, 5.9] {
            // Skewed, with its maximum at `top`.
            let f = |x: f64| -((x - top).exp() - (x - top));
            for close in [1e-3, 1e-6] {
                let mut asked = 0;
                let all = |at: &[f64]| {
                    asked += at.len();
                    at.iter().map(|&x| f(x)).collect()
                };
                let found = maximum_of(all, &[-1.0, 0.0, 1.0], 1.0, range, close);
                assert!((found.at - top).abs() < close, "{top} {close}: {found:?}");
                let short = f(top) - found.value;
                assert!(short > -1e-15 && short < 4.0 * close * close, "{top} {close}: {short}");
                assert!(asked < 30, "{asked}");
            }
        }
        for (slope, end) in [(1.0, 2.0), (-1.0, -3.0)] {
            let found = maximum(|x| slope * x, &[-3.0, 0.0, 2.0], 1e-6);
            assert!((found.at - end).abs() < 2e-6, "{found:?}");
        }
    }

    #[test]
    fn of_two_maxima_the_higher_on_the_grid_is_refined_and_one_place_is_its_own_maximum() {
        let f = |x: f64| (-(x + 2.0) * (x + 2.0)).exp() + 1.5 * (-(x - 2.0) * (x - 2.0)).exp();
        let grid: Vec<f64> = (-4..=4).map(f64::from).collect();
        assert!((maximum(f, &grid, 1e-6).at - 2.0).abs() < 1e-5);
        assert_eq!(maximum(f, &[0.5], 1e-6).at, 0.5);
    }

    #[test]
    fn a_flat_function_has_a_maximum_anywhere_and_one_that_is_no_number_ends() {
        let found = maximum(|_| 3.0, &[0.0, 1.0, 2.0], 1e-3);
        assert!(found.value == 3.0 && (0.0..=2.0).contains(&found.at));
        assert!(maximum(|_| f64::NAN, &[0.0, 1.0], 1e-3).value.is_nan());
    }

    #[test]
    fn crossings_of_smooth_functions_take_few_steps() {
        type Case = (fn(f64) -> f64, f64);
        let functions: [Case; 4] = [
            (|x| x * x - 2.0, 2f64.sqrt()),
            (|x| (x - 0.3).tanh(), 0.3),
            (|x| 1.0 - (-40.0 * (x - 1.9)).exp(), 1.9),
            (|x| (x - 1.0).powi(3), 1.0),
        ];
        for (f, root) in functions {
            for sign in [1.0, -1.0] {
                let asked = std::cell::Cell::new(0);
                let g = |x: f64| {
                    asked.set(asked.get() + 1);
                    sign * f(x)
                };
                let found = crossing(g, (0.0, sign * f(0.0)), (2.0, sign * f(2.0)), 1e-13);
                let close = if root == 1.0 { 1e-5 } else { 1e-12 };
                assert!((found - root).abs() < close, "{root}: {found}");
                assert!(asked.get() < 45, "{root}: {}", asked.get());
            }
        }
        assert_eq!(crossing(|x| x, (0.0, 0.0), (1.0, 1.0), 1e-9), 0.0);
    }

    #[test]
    fn roots_are_exact_to_the_last_digit() {
        assert!((root(|x| x * x - 2.0, 0.0, 2.0) - 2f64.sqrt()).abs() <= 2.0 * f64::EPSILON);
        assert!((root(|x| x.ln() + 30.0, 0.0, 1.0) / (-30f64).exp() - 1.0).abs() < 1e-14);
    }
}
