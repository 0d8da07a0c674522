# Forest plot of one unit.

#' Forest plot of the effects of one unit
#'
#' Posterior means of a unit in all conditions, with intervals of `conf.level` from the posterior
#' standard deviations (mean plus or minus a normal quantile times sd: an approximation, as
#' posteriors are mixtures).
#'
#' @param m a fit from [mash()] or [mash_1by1()] with posteriors.
#' @param i the unit: its row number or name.
#' @param xlab,ylab labels of the axes.
#' @param ... `conf.level` (default 0.95), `labels` (names of the conditions), `xlim` and `zero`
#'   (where the line of no effect is, default 0), as in mashr's function of this name; others, which
#'   are about colours and line types, have no use here. The plot can be changed by adding to it.
#' @inheritParams shared_arguments
#'
#' @return A ggplot object, invisibly if there is a `file`; its attribute `"size"` is a good size
#'   for it in inches. Conditions go down in the order of the columns. Filled points have lfsr below
#'   0.05. Needs the package ggplot2.
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 20, err_sd = 0.3)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' m <- mash(data, cov_canonical(data), verbose = FALSE)
#' if (requireNamespace("ggplot2", quietly = TRUE)) {
#'   mash_plot_meta(m, get_significant_results(m)[1])
#' }
mash_plot_meta <- function(m, i, xlab = "Effect size", ylab = "Condition", ..., file = NULL) {
  asked <- take_dots(..., also = c("conf.level", "labels", "xlim", "zero", metaplot_words))
  idle <- intersect(metaplot_words, names(asked))
  if (length(idle)) {
    message("mash_plot_meta() has no use for ", paste0("`", idle, "`", collapse = ", "))
  }
  need_ggplot2()
  mean <- get_pm(m)
  i <- check_subset(i, mean)
  if (length(i) != 1L) stop_mnmash("argument", "`i` must pick one unit, not ", length(i))
  options <- do.call(forest_options, c(
    asked[setdiff(names(asked), idle)], list(conditions = condition_names(mean))
  ), quote = TRUE)
  half <- stats::qnorm((1 + options$conf.level) / 2) * get_psd(m)[i, ]
  shown <- data.frame(
    condition = factor(options$labels, levels = rev(options$labels)), mean = mean[i, ],
    lower = mean[i, ] - half, upper = mean[i, ] + half, significant = get_lfsr(m)[i, ] < 0.05
  )
  plot <- draw_forest(shown, options, xlab, ylab) +
    ggplot2::labs(title = if (!is.null(rownames(mean))) rownames(mean)[i] else paste("Unit", i))
  many <- nrow(shown) > 30L
  picture(
    plot, 4 + label_inches(options$labels, if (many) 6 else 9),
    1.6 + nrow(shown) * if (many) 0.11 else 0.2, file
  )
}

# What rmeta's metaplot(), which mashr draws with, takes for colours and lines.
metaplot_words <- c(
  "mn", "se", "nn", "colors", "lwd", "logeffect", "logticks", "logscale", "lty", "xaxt", "boxsize",
  "summn", "sumse", "sumnn", "summlabel", "col", "cex", "main"
)

forest_options <- function(conf.level = 0.95, labels = conditions, xlim = NULL, zero = 0,
                           conditions) {
  labels <- as.character(labels)
  if (length(labels) != length(conditions) || anyDuplicated(labels)) {
    stop_mnmash("argument", "`labels` must be ", length(conditions), " distinct names")
  }
  conf.level <- check_number(conf.level, 0, 1)
  zero <- check_number(zero)
  list(conf.level = conf.level, labels = labels, xlim = xlim, zero = zero)
}

draw_forest <- function(shown, options, xlab, ylab) {
  many <- nrow(shown) > 30L
  ggplot2::ggplot(shown, ggplot2::aes(.data$mean, .data$condition)) +
    ggplot2::geom_vline(xintercept = options$zero, colour = "grey60", linetype = "dashed") +
    ggplot2::geom_segment(
      ggplot2::aes(x = .data$lower, xend = .data$upper, yend = .data$condition),
      colour = "#2a6f97"
    ) +
    ggplot2::geom_point(
      ggplot2::aes(fill = .data$significant), shape = 21, colour = "#2a6f97",
      size = if (many) 1.4 else 2.4
    ) +
    ggplot2::scale_fill_manual(
      values = c("TRUE" = "#2a6f97", "FALSE" = "white"),
      labels = c("TRUE" = "lfsr < 0.05", "FALSE" = "lfsr >= 0.05"), limits = c("TRUE", "FALSE")
    ) +
    ggplot2::coord_cartesian(xlim = options$xlim) +
    ggplot2::labs(x = xlab, y = ylab, fill = NULL) +
    ggplot2::theme_minimal() +
    ggplot2::theme(
      legend.position = "bottom", plot.title.position = "plot",
      plot.title = ggplot2::element_text(size = 11), panel.grid.major.y = ggplot2::element_blank(),
      axis.text.y = ggplot2::element_text(size = if (many) 6 else 9)
    )
}
