# How many contrasts are significant, in numbers and as a picture.

#' Count and draw significant contrasts
#'
#' `summary()` counts, for each contrast, the units with a significant one and the features (genes)
#' that have such a unit. `plot()` draws the shares for all pairs of conditions: of units below the
#' diagonal, of features above it.
#'
#' @param object,x contrasts from [posterior_contrast()].
#' @param feature the feature (gene) of each unit. Default: every unit is its own.
#' @param threshold a contrast is significant when `by` is below this. Default: 0.05 for `"lfsr"`;
#'   1e-5 for `"p"`, which is what the mixture-prior workflows count.
#' @param by `"lfsr"` or `"p"`.
#' @inheritParams shared_arguments
#'
#' @return `summary()`: a data frame with a column for each contrast and four rows: `n_sig_snp`
#'   (significant units), `n_snp` (units that have the contrast), `n_sig_feature` and
#'   `n_all_feature`. `plot()`: a ggplot object, invisibly if there is a `file`; needs the package
#'   ggplot2. `as.data.frame()`: a plain data frame, of which `print()` shows the beginning.
#'   `tidy()` (of package generics): a row for each unit and contrast.
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 30, err_sd = 0.4)
#' colnames(sims$Bhat) <- c("Ast", "Exc", "Inh", "Mic", "Oli")
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' m <- mash(data, cov_canonical(data), outputlevel = 1, verbose = FALSE)
#' found <- posterior_contrast(m, data)
#' summary(found, feature = rep(c("gene1", "gene2", "gene3", "gene4"), each = 30))
#' if (requireNamespace("ggplot2", quietly = TRUE)) plot(found)
summary.posterior_contrast <- function(object, feature = NULL, threshold = NULL,
                                       by = c("lfsr", "p"), ...) {
  take_dots(...)
  by <- match_choice(by, c("lfsr", "p"))
  value <- contrast_values(object, by)
  threshold <- significance(threshold, by, "threshold")
  feature <- check_feature(feature, nrow(value), rownames(object))
  significant <- !is.na(value) & value < threshold
  distinct <- \(which) apply(which, 2L, \(rows) length(unique(feature[rows])))
  counts <- rbind(
    n_sig_snp = colSums(significant), n_snp = colSums(!is.na(value)),
    n_sig_feature = distinct(significant), n_all_feature = distinct(!is.na(value))
  )
  as.data.frame(counts)
}

#' @rdname summary.posterior_contrast
#' @export
plot.posterior_contrast <- function(x, feature = NULL, threshold = NULL, by = c("lfsr", "p"),
                                    file = NULL, ...) {
  take_dots(...)
  need_ggplot2()
  by <- match_choice(by, c("lfsr", "p"))
  threshold <- significance(threshold, by, "threshold")
  counts <- summary.posterior_contrast(x, feature, threshold, by)
  pairs <- contrast_pairs(x, names(counts))
  if (!ncol(pairs)) {
    stop_mnmash("argument", as_typed("x"), " has no differences of pairs: use type = \"pairwise\"")
  }
  draw_contrasts(
    as.matrix(counts[colnames(pairs)]), pairs, !is.null(feature), paste(by, "<", threshold), file
  )
}

#' @param n how many units to print.
#' @rdname summary.posterior_contrast
#' @export
print.posterior_contrast <- function(x, n = 6, ...) {
  take_dots(...)
  n <- check_count(n, 0)
  names <- attr(x, "contrasts")
  cat(
    "Posterior contrasts of ", number(nrow(x)), " units: ", length(names), " contrasts (",
    first_few(names, 4L), ")\n",
    sep = ""
  )
  shown <- utils::head(as.data.frame(x), n)
  more <- ncol(shown) - 4L
  if (more > 0L) shown <- shown[seq_len(4L)]
  print(shown)
  if (more > 0L) cat("  ... and", more, "more columns; see summary(), plot()\n")
  invisible(x)
}

#' @exportS3Method generics::tidy
tidy.posterior_contrast <- function(x, ...) {
  take_dots(...)
  what <- c(estimate = "mean", std.error = "se", p.value = "p", lfsr = "lfsr")
  values <- lapply(what, \(w) contrast_values(x, w, "x"))
  rownames(values[[1L]]) <- rownames(x)
  table <- long_table(values[[1L]], values)
  names(table)[2L] <- "contrast"
  table
}

#' @exportS3Method generics::glance
glance.posterior_contrast <- function(x, ...) {
  take_dots(...)
  lfsr <- contrast_values(x, "lfsr", "x")
  data.frame(
    n_units = nrow(x), n_contrasts = ncol(lfsr),
    n_significant = sum(rowSums(lfsr < 0.05, na.rm = TRUE) > 0)
  )
}

# `level` says what counts as significant.
draw_contrasts <- function(counts, pairs, features, level, file) {
  names <- unique(as.vector(pairs))
  units <- counts["n_sig_snp", ] / counts["n_snp", ]
  tiles <- data.frame(
    column = pairs[1L, ], row = pairs[2L, ], share = units, signed = -units
  )
  if (features) {
    genes <- counts["n_sig_feature", ] / counts["n_all_feature", ]
    tiles <- rbind(
      tiles, data.frame(column = pairs[2L, ], row = pairs[1L, ], share = genes, signed = genes)
    )
  }
  tiles$column <- factor(tiles$column, levels = names)
  tiles$row <- factor(tiles$row, levels = rev(names))
  R <- length(names)
  most <- max(tiles$share, 0.01, na.rm = TRUE)
  size <- if (R <= 12) 10 else if (R <= 24) 8 else 7
  plot <- ggplot2::ggplot(tiles, ggplot2::aes(.data$column, .data$row, fill = .data$signed)) +
    ggplot2::geom_tile(colour = "white", linewidth = 0.3) +
    ggplot2::scale_fill_gradientn(
      colours = if (features) {
        c("#1B7837", "#A6DBA0", "#F5F5F5", "#C2A5CF", "#762A83")
      } else {
        c("#1B7837", "#A6DBA0", "#F5F5F5")
      },
      limits = if (features) c(-most, most) else c(-most, 0),
      labels = \(x) paste0(signif(100 * abs(x), 2), "%"), na.value = "grey85"
    ) +
    ggplot2::scale_x_discrete(drop = FALSE) +
    ggplot2::scale_y_discrete(drop = FALSE) +
    ggplot2::coord_equal() +
    ggplot2::labs(
      x = NULL, y = NULL, fill = if (features) "units | features" else "units",
      title = "Different effects in two conditions",
      subtitle = paste0(
        "share with ", level,
        if (features) ": of units below the diagonal, of features above it"
      )
    ) +
    ggplot2::theme_minimal() +
    ggplot2::theme(
      axis.text.x = ggplot2::element_text(angle = 90, hjust = 1, vjust = 0.5, size = size),
      axis.text.y = ggplot2::element_text(size = size), panel.grid = ggplot2::element_blank(),
      plot.title.position = "plot", plot.subtitle = ggplot2::element_text(size = 9)
    )
  labelled <- R <= 20
  if (labelled) plot <- plot + share_labels(tiles, most)
  tile <- if (labelled) 0.42 else size * 1.3 / 72
  side <- max(2.5, R * tile) + label_inches(names, size)
  picture(plot, side + 1.6, side + 0.9, file)
}

share_labels <- function(tiles, most) {
  tiles <- tiles[!is.na(tiles$share), ]
  tiles$label <- paste0(signif(100 * tiles$share, 2), "%")
  ggplot2::geom_text(
    ggplot2::aes(label = .data$label),
    data = tiles, size = 2.4, colour = ifelse(tiles$share > 0.6 * most, "white", "grey20")
  )
}
