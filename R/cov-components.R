# Where the matrices of a mixture prior come from.

component_kinds <- c("flash", "flash_nonneg", "pca", "canonical", "xtx")

# A list of lists of matrices, by component, from the strong set. Those that have variance 1
# whatever the data (all but sums of squares) are put in units of their noise: where a refinement
# starts, and so where it ends, must not depend on the unit of measurement. For z-scores that is 1.
prior_components <- function(data, components, npc, remove_singleton, n_threads) {
  noise <- noise_level(data)
  # A refinement keeps exact zeros: it starts from what mashr's starts from.
  flash <- \(factors) {
    cov_flash(data, factors, remove_singleton = remove_singleton, sparse = FALSE)
  }
  lapply(stats::setNames(nm = components), \(kind) {
    found <- switch(kind,
      flash = flash("default"), flash_nonneg = flash("nonneg"),
      pca = cov_pca(data, npc),
      canonical = cov_canonical(data),
      xtx = list(XtX = crossprod(data$Bhat) / nrow(data$Bhat))
    )
    free <- !grepl("^(tPCA|tFLASH|XtX)", names(found))
    found[free] <- lapply(found[free], `*`, noise)
    with_condition_names(as.list(found), colnames(data$Bhat))
  })
}

with_condition_names <- function(U, conditions) {
  lapply(U, \(u) {
    u <- matrix(as.double(u), nrow(u))
    dimnames(u) <- list(conditions, conditions)
    u
  })
}

check_components <- function(components, name = "components") {
  components <- ascii_lower(gsub("-", "_", components))
  bad <- setdiff(components, component_kinds)
  if (!is.character(components) || !length(components) || length(bad)) {
    stop_mnmash(
      "argument", as_typed(name), " must be among ",
      paste0('"', component_kinds, '"', collapse = ", "),
      if (length(bad)) paste0("; not \"", bad[1L], "\"")
    )
  }
  unique(components)
}

# As many components as can be: five, as a rule.
default_npc <- function(npc, data) {
  if (is.null(npc)) return(max(1, min(5, ncol(data$Bhat) - 1, nrow(data$Bhat))))
  npc
}

# Matrices of earlier steps. Canonical ones are known by their names.
read_components <- function(files, conditions) {
  found <- lapply(files, \(file) {
    U <- read_rds(file, "component_files")
    # Steps that find no factor leave an empty file.
    if (is.null(U) || !length(U)) return(list())
    if (is.list(U[["U"]])) U <- U[["U"]]
    if (is.matrix(U)) U <- stats::setNames(list(U), sub("[.][^.]*$", "", basename(file)))
    U <- from_file("component_files", file, prior_matrices(
      plain_matrices(U), length(conditions), FALSE, "component_files", conditions
    ))
    lapply(U, name_margins, conditions)
  })
  all <- do.call(c, found)
  twice <- anyDuplicated(names(all))
  if (twice) {
    stop_mnmash(
      "names", as_typed("component_files"), " have two matrices named \"", names(all)[twice], "\""
    )
  }
  canonical <- names(all) %in% c("identity", "equal_effects", conditions) |
    grepl("^simple_het_[0-9]+$", names(all))
  list(files = all[!canonical], canonical = all[canonical])
}
