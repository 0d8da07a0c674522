# Pictures of a genome-wide fit.

#' Plot a genome-wide fit
#'
#' @param x a fit of [mnm()].
#' @param type `"weights"`: the matrices of the prior by weight, see [plot.mnmash_prior()];
#'   `"matrices"`: the matrices themselves, see [plot_U()]; `"trace"`: the bound after each pass,
#'   crosses where it was not kept; `"sets"`: the number of credible sets of the regions.
#' @inheritParams shared_arguments
#' @return A ggplot object. Needs the package ggplot2.
#' @seealso [mnm()]
#' @export
#' @examples
#' genes <- lapply(1:12, \(seed) {
#'   simulate_mr_mash(n = 100, p = 30, p_causal = 2, r = 2, pve = 0.4, seed = seed)[c("X", "Y")]
#' })
#' names(genes) <- paste0("gene", 1:12)
#' fit <- mnm(genes, rounds = 1)
#' if (requireNamespace("ggplot2", quietly = TRUE)) plot(fit, "trace")
plot.mnm <- function(x, type = c("weights", "matrices", "trace", "sets"), ...) {
  take_dots(...)
  type <- match_choice(type, c("weights", "matrices", "trace", "sets"))
  need_ggplot2()
  .data <- ggplot2::.data
  switch(
    type,
    weights = plot(collapsed_prior(x$prior)), matrices = plot_U(collapsed_prior(x$prior)),
    trace = {
      ggplot2::ggplot(x$trace, ggplot2::aes(.data$pass, .data$bound)) +
        ggplot2::geom_line(data = x$trace[x$trace$kept, ], colour = "grey60") +
        ggplot2::geom_point(
          ggplot2::aes(shape = .data$kept, colour = factor(.data$round)), size = 2
        ) +
        ggplot2::scale_shape_manual(values = c(`TRUE` = 16, `FALSE` = 4), guide = "none") +
        ggplot2::scale_x_continuous(breaks = whole_breaks) +
        ggplot2::labs(x = "pass over all regions", y = "bound", colour = "round") +
        ggplot2::theme_minimal()
    },
    sets = {
      if (is.null(x$sets)) stop_mnmash("argument", "`x` has no sets: fit it with `finemap = TRUE`")
      ggplot2::ggplot(x$regions, ggplot2::aes(.data$sets)) +
        ggplot2::geom_bar(fill = "#2a6f97", width = 0.7) +
        ggplot2::scale_x_continuous(breaks = whole_breaks) +
        ggplot2::labs(x = "credible sets of a region", y = "regions") +
        ggplot2::theme_minimal()
    }
  )
}

# Breaks of an axis that counts.
whole_breaks <- function(limits) unique(round(pretty(limits)))
