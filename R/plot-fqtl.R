# Pictures of factored regressions.

#' Picture of a factored regression
#'
#' `what = "factors"`: the two sides of the factors side by side: variants with an inclusion
#' probability above `threshold` on some factor, and all outcomes. The colour is the mean divided by
#' the largest of its factor; the size of a point is the inclusion probability. `what = "elbo"`: the
#' bound by round.
#'
#' @param x a fit of [fqtl()].
#' @param what what to draw.
#' @param threshold variants below this inclusion probability on all factors are left out.
#' @param max_variants at most this many variants, those of largest inclusion probability.
#' @inheritParams shared_arguments
#' @return A ggplot object, invisibly if there is a `file`. Needs the package ggplot2.
#' @export
#' @examples
#' set.seed(1)
#' X <- matrix(rnorm(100 * 20), 100)
#' Y <- X[, 4] %o% c(1, 1, 0.5, 0) + rnorm(400)
#' if (requireNamespace("ggplot2", quietly = TRUE)) plot(fqtl(Y, X))
plot.fqtl <- function(x, what = c("factors", "elbo"), threshold = 0.1, max_variants = 60,
                      file = NULL, ...) {
  take_dots(...)
  need_ggplot2()
  what <- match_choice(what, c("factors", "elbo"))
  if (what == "elbo") {
    data <- data.frame(round = seq_along(x$elbo), bound = x$elbo)
    plot <- ggplot2::ggplot(data, ggplot2::aes(x = .data$round, y = .data$bound)) +
      ggplot2::geom_line() +
      ggplot2::geom_point(size = 0.8) +
      ggplot2::labs(x = "Factors, then rounds", y = "Evidence lower bound") +
      ggplot2::theme_minimal()
    return(picture(plot, 5, 3.5, file))
  }
  if (!x$rank) stop_mnmash("argument", as_typed("x"), " has no factor to draw")
  threshold <- check_number(threshold, 0, 1)
  # Loadings in the standard deviations of their outcomes.
  loadings <- list(mean = x$v$mean / x$Y_unit, pip = x$v$pip)
  sides <- list(Outcomes = side_table(loadings, seq_len(nrow(x$v$mean)), "outcome "))
  if (x$u_prior != "values") {
    top <- apply(x$u$pip, 1L, max)
    rows <- utils::head(order(-top), max_variants)
    rows <- sort(rows[top[rows] > threshold])
    if (length(rows)) sides <- c(list(Variants = side_table(x$u, rows, "variant ")), sides)
  }
  data <- do.call(rbind, lapply(names(sides), \(s) cbind(sides[[s]], side = s)))
  data$side <- factor(data$side, c("Variants", "Outcomes"))
  data$row <- factor(data$row, rev(unique(data$row)))
  plot <- ggplot2::ggplot(data, ggplot2::aes(x = .data$factor, y = .data$row)) +
    ggplot2::geom_point(ggplot2::aes(size = .data$pip, colour = .data$value)) +
    ggplot2::scale_size_area(limits = c(0, 1), max_size = 4, name = "Inclusion\nprobability") +
    ggplot2::scale_colour_gradientn(
      colours = diverging, limits = c(-1, 1), name = "Effect / largest"
    ) +
    ggplot2::facet_wrap(~side, scales = "free_y") +
    ggplot2::labs(x = "Factor", y = NULL) +
    ggplot2::theme_minimal() +
    ggplot2::theme(panel.grid = ggplot2::element_line(colour = "grey92"))
  rows <- max(vapply(sides, \(s) length(unique(s$row)), 1L))
  labels <- label_inches(as.character(data$row), 9)
  panels <- length(sides)
  picture(plot, 2 + panels * (labels + 0.5 + 0.35 * x$rank), max(3, 1 + 0.17 * rows), file)
}

# One row for each variant or outcome, and factor.
side_table <- function(side, rows, label) {
  mean <- side$mean[rows, , drop = FALSE]
  names <- rownames(mean)
  if (is.null(names)) names <- paste0(label, rows)
  value <- mean / rep(pmax(apply(abs(side$mean), 2L, max), 1e-300), each = nrow(mean))
  data.frame(
    row = rep(names, ncol(mean)), factor = factor(rep(seq_len(ncol(mean)), each = nrow(mean))),
    value = c(value), pip = c(side$pip[rows, , drop = FALSE])
  )
}
