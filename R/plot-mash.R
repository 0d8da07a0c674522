# Pictures of a fit, drawn by ggplot2.

#' Pictures of a mash fit
#'
#' @param x a fit from [mash()].
#' @param type `"weights"`: the estimated weights by covariance matrix; `"sharing"`: a heat map of
#'   the sharing of effects between pairs of conditions, similar conditions side by side (see
#'   [get_pairwise_sharing()]).
#' @param ... for `"sharing"`, arguments of [get_pairwise_sharing()].
#' @inheritParams shared_arguments
#'
#' @return A ggplot object, invisibly if there is a `file`; its attribute `"size"` is a good size
#'   for it in inches. Needs the package ggplot2.
#' @seealso [plot_U()] for the matrices themselves.
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 20, err_sd = 0.3)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' m <- mash(data, cov_canonical(data), verbose = FALSE)
#' if (requireNamespace("ggplot2", quietly = TRUE)) {
#'   plot(m)
#'   plot(m, type = "sharing")
#' }
plot.mash <- function(x, type = c("weights", "sharing"), top = 20, file = NULL, ...) {
  type <- match_choice(type, c("weights", "sharing"))
  further <- take_dots(..., also = if (type == "sharing") c("factor", "lfsr_thresh", "FUN"))
  if (is.null(x$fitted_g)) {
    stop_mnmash("type", as_typed("x"), " is data: plot() shows a fit of mash()")
  }
  need_ggplot2()
  if (type == "sharing") {
    return(plot_sharing(do.call(get_pairwise_sharing, c(list(x), further), quote = TRUE), file))
  }
  plot_weights(largest_weights(x), top, file)
}

# Bars, the largest first.
plot_weights <- function(weights, top, file = NULL) {
  shown <- sort(weights, decreasing = TRUE)
  shown <- utils::head(shown[shown >= 5e-4], check_count(top))
  rest <- sum(weights) - sum(shown)
  shown <- data.frame(
    matrix = factor(names(shown), levels = rev(names(shown))), weight = unname(shown)
  )
  plot <- ggplot2::ggplot(shown, ggplot2::aes(.data$weight, .data$matrix)) +
    ggplot2::geom_col(fill = "#2a6f97", width = 0.7) +
    ggplot2::geom_text(
      ggplot2::aes(label = sprintf("%.1f%%", 100 * .data$weight)),
      hjust = -0.15, size = 3
    ) +
    ggplot2::scale_x_continuous(
      labels = \(x) paste0(100 * x, "%"), expand = ggplot2::expansion(mult = c(0, 0.15))
    ) +
    ggplot2::labs(
      x = "weight", y = NULL, title = "Estimated weights of the prior covariances",
      subtitle = if (rest > 0.005) sprintf("all others together: %.1f%%", 100 * rest)
    ) +
    ggplot2::theme_minimal() +
    ggplot2::theme(
      panel.grid.major.y = ggplot2::element_blank(), plot.title.position = "plot",
      plot.margin = ggplot2::margin(5, 15, 5, 5)
    )
  names <- levels(shown$matrix)
  picture(plot, 4.5 + label_inches(names, 9), 1.2 + 0.22 * length(names), file)
}

plot_sharing <- function(sharing, file = NULL) {
  R <- nrow(sharing)
  if (is.null(rownames(sharing))) dimnames(sharing) <- list(seq_len(R), seq_len(R))
  order <- similar_order(sharing)
  names <- rownames(sharing)[order]
  shown <- data.frame(
    a = factor(rep(rownames(sharing), R), levels = names),
    b = factor(rep(colnames(sharing), each = R), levels = rev(names)),
    sharing = as.vector(sharing)
  )
  # Labels must not overlap, however many: smaller for many conditions.
  size <- max(4.5, min(11, 330 / R))
  plot <- ggplot2::ggplot(shown, ggplot2::aes(.data$a, .data$b, fill = .data$sharing)) +
    # One raster: between tiles a device may leave hairlines.
    ggplot2::geom_raster() +
    ggplot2::scale_fill_gradientn(
      colours = sequential, labels = \(x) paste0(100 * x, "%"), na.value = "grey85"
    ) +
    ggplot2::coord_equal() +
    ggplot2::labs(
      x = NULL, y = NULL, fill = "shared",
      title = "Sharing of effects between conditions"
    ) +
    ggplot2::theme_minimal() +
    ggplot2::theme(
      axis.text.x = ggplot2::element_text(angle = 90, hjust = 1, vjust = 0.5, size = size),
      axis.text.y = ggplot2::element_text(size = size), panel.grid = ggplot2::element_blank(),
      plot.title.position = "plot"
    )
  side <- max(2.5, R * size * 1.3 / 72) + label_inches(names, size)
  picture(plot, side + 1.2, side + 0.6, file)
}

# Conditions in an order that puts similar ones together.
similar_order <- function(sharing) {
  if (nrow(sharing) < 3L || anyNA(sharing)) return(seq_len(nrow(sharing)))
  stats::hclust(stats::as.dist(1 - sharing), method = "average")$order
}
