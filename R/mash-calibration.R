# Is the lfsr what it says? Among effects with lfsr about q, the called sign should be wrong (or the
# effect zero) in a share q of them.

#' Calibration of the local false sign rate
#'
#' Compares the lfsr of a fit with how often the called sign (that of the posterior mean) is wrong
#' or the effect is zero, where the truth is known: in a simulation of yours, or in one from the fit
#' itself ([simulate.mash()]).
#'
#' With `B`, the posteriors of `m` are held against these true effects. With `data` instead, data
#' sets are drawn from the fitted prior with the errors of `data`, and each is fitted again with the
#' same matrices and grid: departures then show what estimating the weights from so many units does
#' to the lfsr, not whether the model is right for the data. With `relearn` the prior is learnt
#' anew from each, matrices and all: what learning from so many units does. Simulations have no
#' more patterns than the prior has, so that where few units taught it little, the errors found are
#' on the low side.
#'
#' @param m a fit from [mash()] with posteriors (with `data`, the prior is enough).
#' @param B true effects, in the layout of `get_lfsr(m)`; `NA` cells are left out.
#' @param data data from [mash_set_data()] to simulate on, in place of `B`.
#' @param relearn with `data`: learn the prior of each simulation anew, by the steps of
#'   [learn_prior()], in place of fitting the weights of the same matrices.
#' @param bins number of bins of equal width between 0 and the largest lfsr, or their limits.
#' @param ... with `data`, arguments of [mash()] for the fits.
#' @inheritParams shared_arguments
#'
#' @return An object of class `lfsr_calibration`: a data frame with one row for each bin that has
#'   effects: `lower`, `upper`, `n` (effects), `lfsr` (their mean), `wrong` (the share whose sign is
#'   wrong) and `se` of the difference `wrong - lfsr` (binomial, effects taken as independent, which
#'   those of a unit are not). `plot()` draws `wrong` against `lfsr` with two standard errors to
#'   either side (by ggplot2).
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 100, err_sd = 0.7)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' m <- mash(data, cov_canonical(data), verbose = FALSE)
#' lfsr_calibration(m, sims$B)
lfsr_calibration <- function(m, B = NULL, data = NULL, nsim = 1, bins = 10, relearn = FALSE, ...) {
  if (is.null(B) == is.null(data)) {
    stop_mnmash("argument", "give the true effects `B`, or `data` to simulate on, and not both")
  }
  check_flag(relearn)
  if (!is.null(B)) {
    take_dots(...)
    if (relearn) stop_mnmash("argument", "`relearn` is for simulations, with `data`")
    return(calibration_table(sign_errors(m, B), bins))
  }
  check_handed_on(mash, list(...))
  check_fit(m, prior = TRUE)
  found <- lapply(simulate.mash(m, check_few(nsim), data = data), \(simulation) {
    g <- m$fitted_g
    fit <- if (relearn) {
      mash(simulation$data, verbose = FALSE, ...)
    } else {
      mash(
        simulation$data, g$Ulist, grid = g$grid, usepointmass = g$usepointmass,
        normalizeU = FALSE, product = g$product, verbose = FALSE, ...
      )
    }
    B <- simulation$B
    if (!is.null(data$missing)) B[data$missing] <- NA
    sign_errors(fit, B)
  })
  calibration_table(do.call(rbind, found), bins)
}

# lfsr and whether the sign is wrong, for every effect.
sign_errors <- function(m, B) {
  lfsr <- get_lfsr(m)
  B <- like_bhat(B, lfsr, "B", "the posteriors")
  wrong <- sign(B) != sign(get_pm(m)) | B == 0
  keep <- !is.na(B)
  cbind(lfsr = lfsr[keep], wrong = wrong[keep])
}

calibration_table <- function(cells, bins) {
  if (length(bins) == 1L) {
    # Room for rounding at the upper end.
    largest <- max(cells[, "lfsr"], 1e-12) * (1 + 1e-9)
    bins <- seq(0, largest, length.out = check_few(bins) + 1)
  } else if (!is.numeric(bins) || anyNA(bins) || is.unsorted(bins, strictly = TRUE)) {
    stop_mnmash("argument", "`bins` must be a number of bins, or their limits in ascending order")
  }
  bin <- findInterval(cells[, "lfsr"], bins, rightmost.closed = TRUE)
  bin[bin == 0L | bin == length(bins)] <- NA
  used <- sort(unique(bin))
  n <- tabulate(bin, length(bins))[used]
  mean_in <- \(x) as.vector(rowsum(x[!is.na(bin)], bin[!is.na(bin)])) / n
  variance <- mean_in(cells[, "lfsr"] * (1 - cells[, "lfsr"]))
  structure(
    data.frame(
      lower = bins[used], upper = bins[used + 1L], n = n, lfsr = mean_in(cells[, "lfsr"]),
      wrong = mean_in(cells[, "wrong"]), se = sqrt(variance / n)
    ),
    class = c("lfsr_calibration", "data.frame")
  )
}

#' @param x what `lfsr_calibration()` returned.
#' @rdname lfsr_calibration
#' @export
plot.lfsr_calibration <- function(x, ...) {
  take_dots(...)
  need_ggplot2()
  shown <- as.data.frame(unclass(x))
  shown$low <- pmax(shown$wrong - 2 * shown$se, 0)
  shown$high <- pmin(shown$wrong + 2 * shown$se, 1)
  ggplot2::ggplot(shown, ggplot2::aes(.data$lfsr, .data$wrong)) +
    ggplot2::geom_abline(colour = "grey60", linetype = "dashed") +
    ggplot2::geom_segment(
      ggplot2::aes(xend = .data$lfsr, y = .data$low, yend = .data$high), colour = "#2a6f97"
    ) +
    ggplot2::geom_point(ggplot2::aes(size = .data$n), colour = "#2a6f97") +
    ggplot2::scale_size_area(max_size = 5) +
    ggplot2::labs(
      x = "lfsr (mean of bin)", y = "share of wrong signs", size = "effects",
      title = "Calibration of the local false sign rate"
    ) +
    ggplot2::theme_minimal()
}
