# Random-effects meta-analysis of a few estimates.

#' Random-effects meta-analysis
#'
#' The model is `y_i ~ N(mu, se_i^2 + tau2)`. The variance `tau2` is estimated by restricted maximum
#' likelihood (`"REML"`), found by Fisher scoring and, where that does not settle, by search; or by
#' the method of moments of DerSimonian and Laird (`"DL"`).
#'
#' @param y estimates.
#' @param se their standard errors, positive.
#' @param method how to estimate `tau2`, the variance between the true effects.
#' @inheritParams shared_arguments
#' @return A list of `mean` and its standard error `se`, `z` and the two-sided `p` of no effect,
#'   `tau2`, and Cochran's `Q` with its `p` of equal effects, `Q_p`. Estimates that are `NA` are
#'   left out; without any, all are `NA`.
#' @references Viechtbauer (2005), Journal of Educational and Behavioral Statistics 30, 261-293.
#' @export
#' @examples
#' random_effects(y = c(0.1, 0.5, 0.9), se = c(0.1, 0.2, 0.2))
random_effects <- function(y, se, method = c("REML", "DL"), ...) {
  take_dots(...)
  method <- match_choice(method, c("REML", "DL"))
  if (is.numeric(y) && is.numeric(se) && !is.null(names(y))) {
    se <- align_each(se, names(y), length(y), "se", "unit", to = "`y`")
  }
  if (!is.numeric(y) || !is.numeric(se) || length(y) != length(se)) {
    stop_mnmash("dimension", "`y` and `se` must be numbers, as many of one as of the other")
  }
  check_size(y)
  check_size(se)
  use <- !is.na(y) & !is.na(se)
  y <- y[use]
  v <- se[use]^2
  bad <- which(!is.finite(y) | !is.finite(v) | v <= 0)
  if (length(bad)) {
    stop_mnmash("value", "`y` and `se` must be finite, `se` positive: element ",
                which(use)[bad[1L]], " is not")
  }
  if (!length(y)) {
    return(as.list(c(mean = NA_real_, se = NA, z = NA, p = NA, tau2 = NA, Q = NA, Q_p = NA)))
  }
  found <- call_core(
    "random_effects",
    estimates = list(y = as.double(y), v = as.double(v)),
    control = list(method = if (method == "REML") "restricted" else "moments")
  )
  z <- found[1L] / found[2L]
  df <- length(y) - 1
  list(
    mean = found[1L], se = found[2L], z = z, p = 2 * stats::pnorm(-abs(z)), tau2 = found[3L],
    Q = found[4L], Q_p = if (df) stats::pchisq(found[4L], df, lower.tail = FALSE) else 1
  )
}
