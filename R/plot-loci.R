# Pictures of what looks at many variants or loci: enrichment, association models, checks of LD.

#' Pictures of enrichment, association models, and checks of summary statistics
#'
#' - Of [enrich()]: the coefficients, log odds ratios of being causal per unit of the annotation,
#'   with their intervals where there are some.
#' - Of [bmass()]: for the `top` units with the largest average Bayes factors, strongest first, the
#'   probabilities that each condition is associated directly, indirectly, or not.
#' - Of [qc_sumstats()]: z-scores against what the others let expect; outliers, and those whose
#'   alleles seem to be swapped, are coloured, and the `top` most improbable named.
#'
#' @param x a result of [enrich()], [bmass()] or [qc_sumstats()].
#' @param top how many to show, or to name.
#' @inheritParams shared_arguments
#'
#' @return A ggplot object, invisibly if there is a `file`; its attribute `"size"` is a good size
#'   for it in inches. Needs the package ggplot2.
#' @name loci-plots
#' @examples
#' set.seed(1)
#' locus <- rep(1:60, each = 20)
#' near <- rbinom(1200, 1, 0.2)
#' causal <- rbinom(1200, 1, plogis(-4 + 1.5 * near)) == 1
#' fit <- enrich(data.frame(locus, z = rnorm(1200, sd = ifelse(causal, 5, 1))), cbind(near))
#' if (requireNamespace("ggplot2", quietly = TRUE)) plot(fit)
NULL

#' @rdname loci-plots
#' @export
plot.enrich <- function(x, file = NULL, ...) {
  take_dots(...)
  need_ggplot2()
  shown <- x$coef[rownames(x$coef) != "(Intercept)", , drop = FALSE]
  if (!nrow(shown)) stop_mnmash("argument", as_typed("x"), " has no annotation to show")
  names <- rownames(shown)
  shown$annotation <- factor(names, rev(names))
  plot <- ggplot2::ggplot(shown, ggplot2::aes(.data$estimate, .data$annotation)) +
    ggplot2::geom_vline(xintercept = 0, colour = "grey60", linetype = "dashed") +
    ggplot2::geom_point(colour = "#2a6f97", size = 2) +
    ggplot2::labs(x = "log odds ratio", y = NULL, title = "Enrichment of causal variables") +
    ggplot2::theme_minimal() +
    ggplot2::theme(plot.title.position = "plot")
  if (!is.null(shown$lower)) {
    plot <- plot + ggplot2::geom_segment(
      ggplot2::aes(x = .data$lower, xend = .data$upper, yend = .data$annotation),
      colour = "#2a6f97"
    )
  }
  picture(plot, 5 + label_inches(names, 9), 1.5 + 0.25 * nrow(shown), file)
}

#' @rdname loci-plots
#' @export
plot.bmass <- function(x, top = 20, file = NULL, ...) {
  take_dots(...)
  need_ggplot2()
  top <- check_count(top)
  rows <- utils::head(order(-x$log10_bf_average), top)
  words <- c(D = "direct", I = "indirect", U = "none")
  units <- labels_or_numbers(colnames(x$posterior), ncol(x$posterior))[rows]
  conditions <- labels_or_numbers(colnames(x$models), ncol(x$models))
  shown <- expand.grid(unit = seq_along(rows), condition = conditions, role = names(words))
  shown$probability <- as.vector(x$marginal[rows, , names(words), drop = FALSE])
  shown$unit <- factor(units[shown$unit], rev(units))
  shown$role <- factor(words[as.character(shown$role)], words)
  plot <- ggplot2::ggplot(
    shown, ggplot2::aes(.data$probability, .data$unit, fill = .data$role)
  ) +
    ggplot2::geom_col(position = ggplot2::position_stack(reverse = TRUE), width = 0.8) +
    ggplot2::scale_fill_manual(
      values = c(direct = "#2a6f97", indirect = "#a9cce3", none = "grey92"), name = "association"
    ) +
    ggplot2::scale_x_continuous(breaks = c(0, 0.5, 1), labels = c("0", "0.5", "1")) +
    ggplot2::facet_wrap(~condition, nrow = 1) +
    ggplot2::labs(x = "probability", y = NULL) +
    ggplot2::theme_minimal() +
    ggplot2::theme(
      panel.grid.major.y = ggplot2::element_blank(), panel.spacing.x = ggplot2::unit(12, "pt")
    )
  width <- 2 + 1.4 * length(conditions) + label_inches(units, 9)
  picture(plot, width, 1.4 + 0.2 * length(rows), file)
}

#' @rdname loci-plots
#' @export
plot.qc_sumstats <- function(x, top = 5, file = NULL, ...) {
  take_dots(...)
  need_ggplot2()
  top <- check_count(top, 0)
  shown <- x$variables
  words <- c("in line", "outlier", "swapped alleles")
  shown$kind <- factor(words[1L + shown$outlier + shown$flip], words)
  shown$condition <- factor(shown$condition, unique(shown$condition))
  named <- shown[shown$outlier, ]
  named <- named[utils::head(order(named$p_value), top), ]
  plot <- ggplot2::ggplot(
    shown[order(shown$kind), ], ggplot2::aes(.data$expected, .data$z, colour = .data$kind)
  ) +
    ggplot2::geom_abline(colour = "grey60", linetype = "dashed") +
    ggplot2::geom_point(size = 1.6) +
    ggplot2::geom_text(
      data = named, ggplot2::aes(label = .data$predictor), vjust = -0.7, size = 3,
      show.legend = FALSE
    ) +
    ggplot2::scale_colour_manual(
      values = stats::setNames(c("grey55", "#edae49", "#d1495b"), words), drop = FALSE, name = NULL
    ) +
    # Room for the names.
    ggplot2::scale_y_continuous(expand = ggplot2::expansion(mult = c(0.05, 0.1))) +
    ggplot2::labs(
      x = "expected from the other z-scores", y = "z-score",
      title = "z-scores and LD", subtitle = paste("s:", first_few(signif(x$s, 3), 6L))
    ) +
    ggplot2::theme_minimal()
  R <- length(x$s)
  if (R > 1L) plot <- plot + ggplot2::facet_wrap(~condition)
  picture(plot, min(12, 3 + 2.5 * min(R, 4)), 2 + 2.2 * ceiling(R / 4), file)
}
