#' mnmash: multivariate and multiple-regression adaptive shrinkage
#'
#' Learns how effects are shared among many conditions, and returns calibrated posterior effects.
#' The numerical core is written in Rust.
#'
#' @keywords internal
#' @useDynLib mnmash, .registration = TRUE
"_PACKAGE"
