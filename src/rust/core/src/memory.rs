//! Large buffers: memory that the machine does not give is an error, not the end of the process.
//!
//! Rust ends the process where an allocation fails. What grows with the data is therefore asked for
//! first: the room is taken and given back, and the buffer follows at once. So zeros still come from
//! the operating system, page by page where they are first used.

use crate::Error;

/// Whether there is room for so many numbers.
///
/// # Errors
/// `Error::Memory` if not.
pub fn room(numbers: usize) -> Result<(), Error> {
    let mut probe: Vec<f64> = Vec::new();
    let bytes = numbers.saturating_mul(size_of::<f64>());
    probe.try_reserve_exact(numbers).map_err(|_| Error::Memory { bytes })?;
    // An allocation that nobody looks at may be left out.
    std::hint::black_box(&probe);
    Ok(())
}

/// Zeros.
///
/// # Errors
/// `Error::Memory` if there is no room.
pub fn zeros(numbers: usize) -> Result<Vec<f64>, Error> {
    room(numbers)?;
    Ok(vec![0.0; numbers])
}

/// The same numbers again.
///
/// # Errors
/// `Error::Memory` if there is no room.
pub fn copy(values: &[f64]) -> Result<Vec<f64>, Error> {
    room(values.len())?;
    Ok(values.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_there_can_be_is_an_error_that_says_how_much() {
        for numbers in [usize::MAX, usize::MAX / 16, 1 << 55] {
            let bytes = numbers.saturating_mul(8);
            assert_eq!(zeros(numbers), Err(Error::Memory { bytes }));
        }
        assert_eq!(zeros(3).unwrap(), [0.0; 3]);
        assert_eq!(copy(&[1.0, 2.0]).unwrap(), [1.0, 2.0]);
        let said = Error::Memory { bytes: 2_500_000_000 }.to_string();
        assert!(said.contains("2.5 GB"), "{said}");
    }
}
