# Matrices that are multiples of one another: one matrix at several scales. Priors that were learnt
# have them, `name.1`, `name.2`.

# Matrices that are multiples of one another share one decomposition: list(matrices, scales, index),
# where component `index[t]` of the list is number t of the core: the first scale of all matrices,
# then the second of those that have one, and so on.
group_multiples <- function(S0) {
  size <- vapply(S0, \(U) max(diag(U)), 0)
  group <- integer(length(S0))
  heads <- list()
  for (k in seq_along(S0)) {
    shape <- if (size[k] > 0) S0[[k]] / size[k] else S0[[k]]
    same <- vapply(heads, \(head) max(abs(head - shape)) <= 4e-15, NA)
    if (any(same)) {
      group[k] <- which(same)[1L]
    } else {
      heads[[length(heads) + 1L]] <- shape
      group[k] <- length(heads)
      names(heads)[length(heads)] <- names(S0)[k]
    }
  }
  index <- order(stats::ave(group, group, FUN = seq_along), group)
  scales <- unname(split(ifelse(size[index] > 0, size[index], 1), group[index]))
  list(matrices = lapply(heads, as_doubles), scales = lapply(scales, as.double), index = index)
}

# The matrix of each component in the order of the core.
core_groups <- function(scales) {
  unlist(lapply(seq_len(max(lengths(scales))), \(l) which(lengths(scales) >= l)))
}

# Weights summed over matrices that are multiples of one another, largest first.
weights_by_matrix <- function(S0, w0) {
  groups <- group_multiples(S0)
  group <- integer(length(S0))
  group[groups$index] <- core_groups(groups$scales)
  labels <- names(groups$matrices)
  # One name, where the names of all its multiples are that and a number, and no other has it.
  base <- sub("[._](grid)?[0-9]+$", "", names(S0))
  shared <- vapply(split(base, group), \(x) length(x) > 1L && length(unique(x)) == 1L, NA)
  short <- labels
  short[shared] <- base[match(which(shared), group)]
  twice <- short %in% short[duplicated(short)]
  labels[!twice] <- short[!twice]
  out <- stats::setNames(drop(rowsum(unname(w0), group)), labels)
  sort(out, decreasing = TRUE)
}
