# Which units a prior is learnt from: strong ones for the matrices, random ones for the weights, one
# of each block.

# Fewer strong units than the first, less those that chance makes, are hardly more than chance: the
# strongest others make them up to the second, so that noise looks like noise. Where there are more,
# the others would only hide them.
fewest_strong <- c(20L, 200L)

# The rows of `data` to learn from: `random`, one of each block by chance, in the order of the data;
# and without given ones `strong`, the strongest of each block, strongest first; `n_strong` if their
# number is given. Where units have
# names, neither depends on their order.
learning_rows <- function(data, strong, blocks, z_thresh, seed, n_strong = NULL) {
  by_name <- order_by_name(data)
  chance <- by_name[with_seed(seed, sample.int(length(by_name)))]
  found <- list(random = sort(chance[!duplicated(blocks[chance])]))
  if (!inherits(strong, "mash")) {
    z <- unit_strength(data)
    top <- strongest_first(z, by_name)
    if (!is.null(strong)) top <- top[top %in% strong]
    top <- top[!duplicated(blocks[top])]
    found$above <- sum(z[top] > z_thresh)
    by_chance <- 2 * stats::pnorm(-z_thresh) * length(top) * ncol(data$Bhat)
    n <- if (!is.null(n_strong)) {
      min(n_strong, length(top))
    } else if (!is.null(strong)) {
      length(top)
    } else if (found$above - by_chance >= fewest_strong[1L]) {
      found$above
    } else {
      max(found$above, min(fewest_strong[2L], length(top)))
    }
    found$strong <- top[seq_len(n)]
  }
  found
}

order_by_name <- function(data) {
  names <- rownames(data$Bhat)
  if (is.null(names)) seq_len(nrow(data$Bhat)) else order(names, method = "radix")
}

# The largest |z| of each unit, without the digits that a change of units changes.
unit_strength <- function(data) {
  z <- abs(data$Bhat / data$Shat)
  signif(do.call(pmax, lapply(seq_len(ncol(z)), \(r) z[, r])), 10)
}

strongest_first <- function(z, by_name) by_name[order(-z[by_name], method = "radix")]

# Numbers of the blocks of the units; without any, each unit is one.
block_numbers <- function(blocks, data) {
  J <- nrow(data$Bhat)
  if (is.null(blocks)) return(seq_len(J))
  if (!is.atomic(blocks) || length(blocks) < J) {
    stop_mnmash(
      "dimension", "`blocks` must say the block of each of ", J, " units, not of ", length(blocks)
    )
  }
  blocks <- align_vector(blocks, rownames(data$Bhat), J, "blocks", "unit")
  numbers <- match(blocks, unique(blocks[!is.na(blocks)]))
  # A unit of no known block is one by itself.
  alone <- which(is.na(numbers))
  numbers[alone] <- max(0L, numbers, na.rm = TRUE) + seq_along(alone)
  numbers
}

# Data of the strong units, in the conditions of `data`.
strong_data <- function(strong, data) {
  check_mash_data(strong)
  if (!identical(strong$alpha, data$alpha) || !identical(data_units(strong), data_units(data))) {
    stop_mnmash(
      "units", "`strong` must be in the units of `data`: make both by mash_set_data() with the ",
      "same `alpha`, with or without `Shat`"
    )
  }
  refuse_contrasts(strong)
  at <- align_to(
    colnames(strong$Bhat), colnames(data$Bhat), "strong", "condition", ncol(strong$Bhat),
    ncol(data$Bhat)
  )
  data_columns(strong, at)
}

# Strong blocks for each condition from which on a learnt prior is calibrated.
blocks_wanted <- 10L

# What a learnt prior says of the units it was learnt from.
counted_units <- function(strong, random, z_thresh = 4, above = NULL) {
  n_strong <- above %||% sum(unit_strength(strong) > z_thresh)
  list(
    n_strong = n_strong, n_random = nrow(random$Bhat),
    few = n_strong < blocks_wanted * ncol(strong$Bhat)
  )
}

refuse_contrasts <- function(data, name = arg_name(data)) {
  if (!is.null(data$L)) {
    stop_mnmash(
      "unsupported", as_typed(name),
      " are contrasts: learn the prior from the conditions themselves, ",
      "and contrast the posterior with `A`"
    )
  }
}
