# Questions that several kinds of fit answer.

#' Local false sign rate
#'
#' The probability that an effect has another sign than the likelier one (or is zero). For fits of
#' [mash()] see also [get_lfsr()].
#'
#' @param x a fit.
#' @param ... further arguments, for methods.
#' @return Numbers between 0 and 1, in the shape of the effects.
#' @references Stephens (2017), Biostatistics 18, 275-294.
#' @export
#' @examples
#' sim <- simulate_mr_mash(n = 100, p = 20, p_causal = 3, r = 1, seed = 1)
#' fit <- mr_ash(sim$X, sim$Y)
#' round(lfsr(fit), 3)
lfsr <- function(x, ...) UseMethod("lfsr")

#' @rdname lfsr
#' @export
lfsr.mash <- function(x, ...) get_lfsr(x)
