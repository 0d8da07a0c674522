# Pictures of a fine-mapping fit.

#' Pictures of a fine-mapping fit
#'
#' `"pip"`: posterior inclusion probabilities along the region; members of credible sets are ringed
#' in the colour of their set, and all variables are filled by their squared correlation with the
#' first variable of the set they are closest to. `"effects"`: effects of the first variable of
#' each set in all conditions; colour is the effect relative to the largest of its set, size the
#' evidence that the signal acts with this sign (`lfsr(fit, "signal")`), and effects of which that
#' is `threshold` or more are faint.
#' `"elbo"`: the evidence bound by sweep.
#'
#' @param x a fit from [finemap()].
#' @param type what to show.
#' @param position p positions of the variables, in the units of the axis, matched by name if they
#'   have names. Default: what the names of the variables say, if all do and are of one chromosome
#'   (`chr1:1234:A:G`, `1_1234_A_G`), else 1 to p.
#' @param threshold see above.
#' @inheritParams shared_arguments
#'
#' @return A ggplot object, invisibly if there is a `file`; its attribute `"size"` is a good size
#'   for it in inches. Needs the package ggplot2.
#' @seealso [summary.finemap()] for the numbers.
#' @export
#' @examples
#' set.seed(1)
#' X <- matrix(rbinom(300 * 50, 2, 0.3), 300)
#' Y <- X[, 7] %o% c(0.5, 0.5) + X[, 30] %o% c(0, 0.5) + matrix(rnorm(600), 300)
#' fit <- finemap(finemap_data(X, Y), list(U = list(matrix(1, 2, 2), diag(2)), w = c(0.5, 0.5)))
#' if (requireNamespace("ggplot2", quietly = TRUE)) {
#'   plot(fit)
#'   plot(fit, type = "effects")
#' }
plot.finemap <- function(x, type = c("pip", "effects", "elbo"), position = NULL,
                         threshold = 0.05, file = NULL, ...) {
  take_dots(...)
  type <- match_choice(type, c("pip", "effects", "elbo"))
  need_ggplot2()
  switch(
    type,
    pip = plot_pip(x, position, file),
    effects = plot_set_effects(x, check_number(threshold, 0, 1), file),
    elbo = plot_elbo(x, file)
  )
}

# One colour for each set: as many as people can tell apart, then again.
set_colours <- function(n) {
  colours <- c("#d1495b", "#00798c", "#edae49", "#6a4c93", "#2e933c", "#ff7d00", "#30638e",
               "#a26769")
  rep_len(colours, n)
}

plot_pip <- function(x, position, file) {
  p <- x$data$p
  axis <- list(name = "position")
  if (is.null(position)) {
    known <- named_positions(x$data$variables)
    if (!is.null(known)) axis <- known$axis
    position <- known$position %||% seq_len(p)
  }
  if (!is.numeric(position) || anyNA(position)) {
    stop_mnmash("type", "`position` must be ", p, " numbers, one for each variable")
  }
  position <- align_vector(
    position, x$data$variables, p, "position", "variable", to = "the fit"
  )
  sets <- x$sets
  r2 <- rep(NA_real_, p)
  if (length(sets)) r2 <- apply(x$lead_ld[, names(sets), drop = FALSE]^2, 1L, max)
  shown <- data.frame(position = position, pip = x$pip, r2 = r2)
  members <- do.call(rbind, lapply(names(sets), \(l) {
    data.frame(position = position[sets[[l]]$variables], pip = x$pip[sets[[l]]$variables], set = l)
  }))
  plot <- ggplot2::ggplot(shown[order(shown$pip), ], ggplot2::aes(.data$position, .data$pip)) +
    ggplot2::geom_point(ggplot2::aes(fill = .data$r2), shape = 21, colour = "grey55", size = 2,
                        stroke = 0.2) +
    ggplot2::scale_fill_gradientn(
      colours = sequential, limits = c(0, 1), na.value = "#f7fbff",
      name = expression(r^2 ~ "with first of set")
    )
  if (length(sets)) {
    members$set <- factor(members$set, levels = names(sets))
    first <- vapply(sets, \(s) names(s$variables)[1L], "")
    size <- vapply(sets, \(s) length(s$variables), 0L)
    labels <- paste0(names(sets), ": ", first, ifelse(size > 1L, paste0(" + ", size - 1L), ""))
    plot <- plot +
      ggplot2::geom_point(
        data = members, ggplot2::aes(colour = .data$set), shape = 21, size = 3.2, stroke = 1
      ) +
      ggplot2::scale_colour_manual(
        values = set_colours(length(sets)), labels = labels, name = "credible set"
      )
  } else {
    plot <- plot + ggplot2::guides(fill = "none")
  }
  plot <- plot +
    ggplot2::scale_y_continuous(
      limits = c(0, 1.02), expand = ggplot2::expansion(mult = c(0.02, 0))
    ) +
    do.call(ggplot2::scale_x_continuous, axis) +
    ggplot2::labs(y = "posterior inclusion probability") +
    ggplot2::theme_minimal() +
    ggplot2::theme(panel.grid.minor = ggplot2::element_blank())
  picture(plot, 8, 4, file)
}

# Positions on one chromosome that all names say, and the axis they stand on; NULL otherwise.
named_positions <- function(names) {
  if (is.null(names)) return(NULL)
  place <- variant_places(names)
  if (anyNA(place$position) || length(unique(place$chromosome)) > 1L) return(NULL)
  list(position = place$position, axis = list(
    name = paste("position on chromosome", place$chromosome[1L], "(Mb)"),
    labels = \(at) format(at / 1e6, trim = TRUE)
  ))
}

plot_set_effects <- function(x, threshold, file) {
  table <- summary(x)
  if (!nrow(table)) {
    stop_mnmash(
      "argument", as_typed("x"), " has no credible set to show effects of"
    )
  }
  label <- paste0(table$set, ": ", table$sentinel)
  largest <- stats::ave(abs(table$effect), table$set, FUN = max)
  shown <- data.frame(
    set = factor(label, levels = rev(unique(label))),
    condition = factor(table$condition, levels = unique(table$condition)),
    effect = table$effect / largest, evidence = pmin(-log10(table$signal_lfsr), 20),
    active = table$signal_lfsr < threshold
  )
  plot <- ggplot2::ggplot(shown, ggplot2::aes(.data$condition, .data$set)) +
    ggplot2::geom_point(
      ggplot2::aes(fill = .data$effect, size = .data$evidence, alpha = .data$active),
      shape = 21, colour = "grey30", stroke = 0.3
    ) +
    ggplot2::scale_fill_gradientn(
      colours = diverging, limits = c(-1, 1), name = "effect /\nlargest of set"
    ) +
    ggplot2::scale_size_area(max_size = 9, name = expression(-log[10] ~ "lfsr")) +
    ggplot2::scale_alpha_manual(
      values = c("TRUE" = 1, "FALSE" = 0.25), limits = c("TRUE", "FALSE"), name = "lfsr",
      labels = c("TRUE" = paste("<", threshold), "FALSE" = paste(">=", threshold))
    ) +
    ggplot2::guides(
      alpha = ggplot2::guide_legend(override.aes = list(size = 4, fill = "#b2182b"))
    ) +
    ggplot2::labs(x = NULL, y = NULL) +
    ggplot2::theme_minimal() +
    ggplot2::theme(
      axis.text.x = ggplot2::element_text(angle = 45, hjust = 1),
      legend.box = "vertical"
    )
  width <- 3.5 + 0.35 * x$data$R + label_inches(label, 9)
  height <- max(4.9, 1.2 + 0.4 * length(x$sets) + label_inches(table$condition, 9))
  picture(plot, width, height, file)
}

plot_elbo <- function(x, file) {
  shown <- data.frame(sweep = seq_along(x$elbo), elbo = x$elbo)
  plot <- ggplot2::ggplot(shown, ggplot2::aes(.data$sweep, .data$elbo)) +
    ggplot2::geom_line(colour = "#2a6f97") +
    ggplot2::geom_point(colour = "#2a6f97") +
    ggplot2::labs(x = "sweep", y = "evidence lower bound", title = x$message) +
    ggplot2::theme_minimal() +
    ggplot2::theme(plot.title = ggplot2::element_text(size = 10))
  picture(plot, 5, 3.5, file)
}
