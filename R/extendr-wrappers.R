# Written by tools/document.R from the Rust source: do not edit by hand.
# nolint start

rust_cores <- function() .Call(wrap__rust_cores)
# nolint end
