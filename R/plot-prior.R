# Pictures of a prior: a heat map for each covariance matrix.

#' Heat maps of the covariances of a prior
#'
#' One panel for each matrix, in the order of the weights, with the weight above it. Matrices are
#' divided by their largest variance, so that colours go from -1 to 1; or made correlations.
#'
#' Weights of a fit of [mash()] are summed over its scales. Rows and columns are the conditions,
#' from the top and from the left. Correlations with a condition that has no variance in a matrix
#' are not defined; they are grey.
#'
#' Matrices of one condition only, of which a prior may have one for each, share a panel if there
#' are three or more ("singletons"): on its diagonal their weights are drawn, over the largest of
#' them.
#'
#' Labels are readable at the size that the picture has as its attribute `"size"`, which is that of
#' `file`. A `.pdf` has as many pages as it needs, with up to 30 panels on a page, or fewer where
#' there are many conditions; other files have all panels on one.
#'
#' @param prior a prior, a fit of [mash()] or [mixture_prior()], or a list of `U` and `w`: what
#'   [as_prior()] understands.
#' @param max_comp at most this many matrices, those of largest weight; `NULL`, or -1, for all.
#' @param to_cor show correlations in place of covariances.
#' @param threshold leave out matrices with weights up to this.
#' @param remove_label call the conditions `t1`, `t2`, ... in place of their names.
#' @param name a title.
#' @param ncol number of panels side by side.
#' @param width,height size of the file in inches, if it is to be another one.
#' @param dpi resolution of a `.png`, in dots per inch.
#' @param singletons matrices of one condition: `"together"` in one panel, or `"apart"`.
#' @param ... `conditions` and `pi_thresh` of [as_prior()].
#' @inheritParams shared_arguments
#'
#' @return A ggplot object, invisibly if there is a `file`. Needs the package ggplot2.
#' @seealso [plot.mnmash_prior()] for the weights.
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 20, err_sd = 0.3)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' m <- mash(data, c(cov_canonical(data), cov_pca(data, 2)), verbose = FALSE)
#' if (requireNamespace("ggplot2", quietly = TRUE)) {
#'   plot_U(m, threshold = 0.01)
#'   file <- tempfile(fileext = ".pdf")
#'   plot_U(m, file, max_comp = 4, to_cor = TRUE)
#'   unlink(file)
#' }
plot_U <- function(prior, file = NULL, max_comp = NULL, to_cor = FALSE, threshold = 1e-6,
                   remove_label = FALSE, name = NULL, ncol = NULL, width = NULL, height = NULL,
                   dpi = 150, singletons = c("together", "apart"), ...) {
  further <- take_dots(..., also = c("conditions", "pi_thresh"))
  need_ggplot2()
  check_flag(to_cor)
  check_flag(remove_label)
  singletons <- match_choice(singletons, c("together", "apart"))
  prior <- shown_prior(prior, further)
  if (remove_label) prior$U <- lapply(prior$U, numbered_labels)
  if (singletons == "together") prior <- singletons_together(prior, check_number(threshold, 0, 1))
  shown <- shown_matrices(prior, max_comp, check_number(threshold, 0, 1))
  R <- nrow(shown$U[[1L]])
  most <- if (is.null(ncol)) panels_across(R) else check_count(ncol)
  pages <- if (is_pdf(file)) panel_pages(length(shown$U), most * panels_down(R)) else
    list(seq_along(shown$U))
  # Rows of panels of nearly equal length.
  columns <- ceiling(length(pages[[1L]]) / ceiling(length(pages[[1L]]) / most))
  size <- label_size(R)
  panel <- max(1.7, R * size * 1.25 / 72)
  margin <- label_inches(condition_names(shown$U[[1L]]), size)
  plots <- lapply(pages, \(at) draw_matrices(shown, at, to_cor, columns, size, name))
  default <- c(
    max(columns * (panel + 0.15) + margin + 0.3, label_inches(shown$note, 10) + 0.5, 4.5),
    ceiling(length(pages[[1L]]) / columns) * (panel + 0.5) + margin + 1.5
  )
  picture(
    if (length(plots) == 1L) plots[[1L]] else plots,
    if (is.null(width)) default[1L] else check_number(width, 1, 200),
    if (is.null(height)) default[2L] else check_number(height, 1, 200), file, dpi
  )
}

# A point size that lets R labels stand side by side, and how many panels a page has.
label_size <- function(R) if (R <= 20) 8 else if (R <= 35) 7 else if (R <= 60) 6 else 5

panels_across <- function(R) if (R <= 20) 5 else if (R <= 35) 4 else if (R <= 60) 3 else 2

panels_down <- function(R) if (R <= 20) 6 else if (R <= 35) 4 else if (R <= 60) 4 else 2

is_pdf <- function(file) is_file_name(file) && grepl("[.]pdf$", file, ignore.case = TRUE)

# The panels of each page, of nearly equal numbers.
panel_pages <- function(n, most) {
  pages <- ceiling(n / most)
  split(seq_len(n), rep(seq_len(pages), each = ceiling(n / pages), length.out = n))
}

numbered_labels <- function(U) {
  names <- paste0("t", seq_len(nrow(U)))
  `dimnames<-`(U, list(names, names))
}

# The only condition that a matrix has a variance for, or NA.
single_condition <- function(U) {
  there <- which(diag(U) > 1e-12 * max(diag(U)))
  if (length(there) == 1L && all(U[-there, ] == 0)) there else NA
}

# A prior in which three or more matrices of one condition each are one, of their weights.
singletons_together <- function(prior, threshold) {
  of <- vapply(prior$U, single_condition, 0)
  single <- which(!is.na(of) & prior$w > threshold)
  if (length(single) < 3L) return(prior)
  weights <- tapply(prior$w[single], of[single], sum)
  U <- prior$U[[1L]] * 0
  diag(U)[as.integer(names(weights))] <- weights
  label <- paste(length(single), "singletons: weights")
  list(
    U = c(prior$U[-single], stats::setNames(list(U), label)),
    w = c(prior$w[-single], stats::setNames(sum(prior$w[single]), label)),
    null_weight = prior$null_weight, weights_of = label
  )
}

# One weight for each matrix, whatever its scales.
shown_prior <- function(prior, further = list()) {
  if (inherits(prior, "mash")) further$scales <- "collapse"
  prior <- known_as(
    list(x = "prior"), do.call(as_prior, c(list(prior), further), quote = TRUE)
  )
  if (is.null(prior$product)) return(prior)
  # Its covariance.
  conditions <- prior_conditions(prior)
  R <- ncol(prior$product$pi)
  U <- diag(unname(product_variances(prior$product)), R)
  prior$U$product <- if (is.null(conditions)) U else `dimnames<-`(U, list(conditions, conditions))
  prior$w <- c(prior$w, product = prior$product$weight)
  prior
}

# Matrices by weight, and what is left out.
shown_matrices <- function(prior, max_comp, threshold) {
  if (is.null(max_comp) || (is.numeric(max_comp) && identical(as.double(max_comp), -1))) {
    max_comp <- length(prior$w)
  }
  max_comp <- if (identical(max_comp, Inf)) Inf else check_count(max_comp, 0)
  by_weight <- order(-prior$w)
  large <- by_weight[prior$w[by_weight] > threshold]
  if (!length(large) || max_comp == 0) {
    stop_mnmash(
      "argument", "no matrix to show: the largest weight is ",
      format(max(prior$w, 0), digits = 3), ", ", as_typed("threshold"), " is ", threshold,
      ", the weight of the null ",
      format(prior$null_weight, digits = 3)
    )
  }
  at <- utils::head(large, max_comp)
  note <- c(
    paste0("null: ", percent(prior$null_weight)),
    if (length(at) < length(large)) {
      paste0(
        length(at), " of ", length(large), " matrices, ", percent(sum(prior$w[at])),
        " of the weight"
      )
    },
    if (length(large) < length(prior$w)) {
      paste0(length(prior$w) - length(large), " with weights up to ", threshold, " left out")
    }
  )
  list(
    U = prior$U[at], w = prior$w[at], note = paste(note, collapse = "; "),
    weights_of = prior$weights_of
  )
}

percent <- function(x) {
  digits <- ifelse(x > 0 & x < 0.001, 4L, 1L)
  sprintf("%.*f%%", digits, 100 * x)
}

# The numbers behind the panels, in long form.
matrix_cells <- function(U, w, to_cor, weights_of = NULL) {
  scaled <- lapply(names(U), \(name) {
    u <- U[[name]]
    if (to_cor && !identical(name, weights_of)) safe_correlation(u) else u / max(diag(u))
  })
  conditions <- condition_names(U[[1L]])
  R <- length(conditions)
  titles <- paste0(names(U), "\nw = ", vapply(w, format, "", digits = 3))
  data.frame(
    matrix = factor(rep(titles, each = R * R), levels = titles),
    row = factor(rep(conditions, R * length(U)), levels = rev(conditions)),
    column = factor(rep(rep(conditions, each = R), length(U)), levels = conditions),
    value = unlist(lapply(scaled, as.vector), use.names = FALSE)
  )
}

# NA where there is no variance.
safe_correlation <- function(U) {
  sd <- sqrt(diag(U))
  # Rounding in a factor's square is no variance.
  sd[sd <= 1e-8 * max(sd)] <- NA
  pmin(pmax(U / outer(sd, sd), -1), 1)
}

draw_matrices <- function(shown, at, to_cor, columns, size, name) {
  cells <- matrix_cells(shown$U[at], shown$w[at], to_cor, shown$weights_of)
  R <- nrow(shown$U[[1L]])
  ggplot2::ggplot(cells, ggplot2::aes(.data$column, .data$row, fill = .data$value)) +
    ggplot2::geom_tile(colour = if (R <= 20) "white" else NA, linewidth = 0.25) +
    ggplot2::facet_wrap(ggplot2::vars(.data$matrix), ncol = columns) +
    ggplot2::scale_fill_gradientn(
      colours = diverging, limits = c(-1, 1), na.value = "grey85",
      guide = ggplot2::guide_colourbar(
        title.position = "left", title.vjust = 0.9, barwidth = grid_inches(2.2),
        barheight = grid_inches(0.12)
      )
    ) +
    ggplot2::scale_x_discrete(expand = c(0, 0)) +
    ggplot2::scale_y_discrete(expand = c(0, 0)) +
    ggplot2::coord_equal() +
    ggplot2::labs(
      x = NULL, y = NULL, title = name, subtitle = shown$note,
      fill = if (to_cor) "correlation" else "covariance / largest variance",
      caption = if (anyNA(cells$value)) "grey: no variance, hence no correlation"
    ) +
    ggplot2::theme_minimal() +
    ggplot2::theme(
      axis.text.x = ggplot2::element_text(angle = 90, hjust = 1, vjust = 0.5, size = size),
      axis.text.y = ggplot2::element_text(size = size),
      panel.grid = ggplot2::element_blank(), legend.position = "top",
      legend.justification = "left", legend.margin = ggplot2::margin(),
      legend.title = ggplot2::element_text(size = 9),
      strip.text = ggplot2::element_text(size = 9, hjust = 0),
      panel.border = ggplot2::element_rect(colour = "grey60", fill = NA, linewidth = 0.3),
      plot.subtitle = ggplot2::element_text(size = 10),
      plot.caption = ggplot2::element_text(hjust = 0),
      plot.caption.position = "plot", plot.title.position = "plot"
    )
}

# A length for ggplot2, whose `unit` is that of the package grid.
grid_inches <- function(x) ggplot2::unit(x, "inches")

#' Pictures of a prior
#'
#' @param x a prior: see [as_prior()].
#' @param type `"weights"`: a bar for each matrix; `"U"`: heat maps, by [plot_U()].
#' @param ... for `"U"`, arguments of [plot_U()].
#' @inheritParams shared_arguments
#'
#' @return A ggplot object, invisibly if there is a `file`. Needs the package ggplot2.
#' @export
#' @examples
#' prior <- as_prior(list(U = list(own = diag(3), shared = matrix(1, 3, 3)), w = c(0.4, 0.6)))
#' if (requireNamespace("ggplot2", quietly = TRUE)) plot(prior)
plot.mnmash_prior <- function(x, type = c("weights", "U"), top = 20, file = NULL, ...) {
  type <- match_choice(type, c("weights", "U"))
  if (type == "U") return(plot_U(x, file, max_comp = top, ...))
  take_dots(...)
  need_ggplot2()
  plot_weights(c(null = x$null_weight, x$w), top, file)
}
