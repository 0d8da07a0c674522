# What many loci hold: variables and their Bayes factors, locus after locus, and annotations.

# list(log_bf, sizes, labels, names, order, named): log Bayes factors in the order of loci, their
# sizes, labels, names of variables (a list, or NULL), the rows that this order takes (NULL for all
# as they are), and whether the labels are the user's.
single_loci <- function(loci, kappa) {
  if (is.data.frame(loci)) return(loci_of_table(loci, kappa))
  if (!is.list(loci) || !length(loci)) {
    stop_mnmash(
      "type", "`loci` must be a data frame with columns `locus` and `log_bf` or `z`, or a list"
    )
  }
  parts <- lapply(loci, \(x) if (inherits(x, "finemap")) x$lbf_variable[1L, ] else x)
  bad <- which(!vapply(parts, \(x) is.numeric(x) && length(x) > 0L, NA))
  if (length(bad)) {
    stop_mnmash(
      "type", "`loci` must be vectors of log Bayes factors, or fits of finemap(): ",
      describe_index("element", bad[1L], names(loci)), " is of class ", class(loci[[bad[1L]]])[1L]
    )
  }
  names <- lapply(loci, \(x) if (inherits(x, "finemap")) x$data$variables else names(x))
  log_bf <- unlist(parts, use.names = FALSE)
  c(
    list(log_bf = check_log_bf(log_bf), sizes = lengths(parts, FALSE)),
    labelled(loci, names)
  )
}

loci_of_table <- function(loci, kappa) {
  if (is.null(loci[["locus"]])) stop_mnmash("argument", "`loci` must have a column `locus`")
  labels <- name_text(loci[["locus"]])
  if (anyNA(labels)) {
    stop_mnmash("missing", "`loci` must name the locus of each row: it is NA in row ",
                which(is.na(labels))[1L])
  }
  log_bf <- loci[["log_bf"]]
  if (is.null(log_bf)) log_bf <- log_bf_of_z(loci[["z"]], kappa)
  log_bf <- check_log_bf(log_bf)
  names <- if (.row_names_info(loci) > 0L) rownames(loci)
  each <- factor(labels, unique(labels))
  order <- order(each)
  if (!is.unsorted(order)) order <- NULL
  at <- if (is.null(order)) seq_along(log_bf) else order
  list(
    log_bf = log_bf[at], sizes = as.vector(table(each)), labels = levels(each),
    names = if (!is.null(names)) unname(split(names[at], each[at])), order = order, named = TRUE
  )
}

# Data of regions, for fine-mapping.
region_loci <- function(loci) {
  is_data <- is.list(loci) && length(loci) && all(vapply(loci, inherits, NA, "finemap_data"))
  if (!is_data) {
    stop_mnmash("type", "`loci` must be a list of data from finemap_data() and the like")
  }
  c(
    list(sizes = unname(vapply(loci, `[[`, 0L, "p"))),
    labelled(loci, lapply(loci, `[[`, "variables"))
  )
}

labelled <- function(loci, names) {
  named <- !is.null(names(loci))
  list(
    labels = if (named) check_labels(names(loci), "names(loci)") else
      paste0("locus", seq_along(loci)),
    names = if (!any(vapply(names, is.null, NA))) unname(names), order = NULL, named = named
  )
}

# Values of all variables as a list of one vector for each locus.
split_by <- function(sizes, labels, names = NULL) {
  index <- rep(seq_along(sizes), sizes)
  \(x) {
    parts <- stats::setNames(unname(split(x, index)), labels)
    if (is.null(names)) parts else Map(stats::setNames, parts, names)
  }
}

log_bf_of_z <- function(z, kappa) {
  if (!is.numeric(z)) stop_mnmash("argument", "`loci` must have a column `log_bf` or `z`")
  kappa <- check_grid(kappa)
  terms <- vapply(kappa, \(k) -log1p(k) / 2 + z^2 * k / (2 * (1 + k)), numeric(length(z)))
  log_sum_columns(t(matrix(terms, ncol = length(kappa)))) - log(length(kappa))
}

check_log_bf <- function(x) {
  bad <- which(!is.finite(x))
  if (length(bad)) {
    stop_mnmash(
      "not_finite", "the Bayes factors of `loci` must be finite: number ", bad[1L], " is ",
      x[bad[1L]]
    )
  }
  as.double(x)
}

# Annotations of all variables, in their order, as list(x, unit): columns divided by their standard
# deviations, `unit`. Without a penalty they must be independent.
annotation_columns <- function(annotations, found, penalty) {
  if (is.null(annotations)) return(list(x = NULL, unit = numeric()))
  m <- sum(found$sizes)
  x <- if (is.list(annotations) && !is.data.frame(annotations)) {
    annotations_by_locus(annotations, found)
  } else {
    annotations_of_all(annotations, found, m)
  }
  constant <- which(apply(x, 2L, \(x) all(x == x[1L])))
  if (length(constant)) {
    stop_mnmash("value", "`annotations` must vary: ",
                describe_index("column", constant[1L], colnames(x)), " is constant")
  }
  centred <- x - rep(colMeans(x), each = m)
  unit <- sqrt(colMeans(centred^2))
  if (penalty == 0) check_independent(centred / rep(unit, each = m), colnames(x))
  list(x = x / rep(unit, each = m), unit = unname(unit))
}

annotations_of_all <- function(annotations, found, m) {
  x <- as_annotations(annotations)
  own <- rownames(x)
  names <- unlist(found$names, use.names = FALSE)
  if (is.null(own) || is.null(names)) {
    if (nrow(x) != m) {
      stop_mnmash(
        "dimension", "`annotations` must have ", m, " rows, one for each variable, not ", nrow(x)
      )
    }
    if (!is.null(found$order)) x <- x[found$order, , drop = FALSE]
  } else if (!identical(own, names)) {
    x <- align_rows(x, names, m, "annotations", "variable", to = "`loci`")
  }
  rownames(x) <- NULL
  x
}

annotations_by_locus <- function(annotations, found) {
  if (found$named && !is.null(names(annotations))) {
    at <- align_to(names(annotations), found$labels, "annotations", "region", to = "`loci`")
    annotations <- annotations[at]
  } else if (length(annotations) != length(found$labels)) {
    stop_mnmash(
      "dimension", "`annotations` must be of ", length(found$labels), " loci, not ",
      length(annotations)
    )
  }
  # One coding of factors for all loci.
  parts <- lapply(annotations, \(x) if (is.data.frame(x)) x else as.data.frame(x))
  rows <- Map(\(x, part) {
    if (is.data.frame(x)) if (.row_names_info(x) > 0L) rownames(x) else NULL else rownames(x)
  }, annotations, parts)
  sizes <- vapply(parts, nrow, 0L)
  columns <- names(parts[[1L]])
  parts <- lapply(seq_along(parts), \(l) {
    align_columns(parts[[l]], columns, length(columns), "annotations", "annotation",
                  to = "its first locus")
  })
  x <- as_annotations(do.call(rbind, lapply(parts, `rownames<-`, NULL)))
  x <- split(seq_len(nrow(x)), rep(seq_along(sizes), sizes)) |> lapply(\(at) x[at, , drop = FALSE])
  do.call(rbind, lapply(seq_along(x), \(l) {
    part <- x[[l]]
    rownames(part) <- rows[[l]]
    where <- paste("locus", found$labels[l])
    part <- align_rows(
      part, found$names[[l]], found$sizes[l], "annotations", "variable", to = where
    )
    `rownames<-`(part, NULL)
  }))
}

# Numbers: logical values as 0 and 1, factors and text as indicators of all levels but the first.
as_annotations <- function(annotations) {
  name <- "annotations"
  rows <- if (is.data.frame(annotations) && .row_names_info(annotations) < 0L) NULL else
    rownames(annotations)
  if (is.null(dim(annotations))) rows <- names(annotations)
  unnamed <- length(dim(annotations)) == 2L && is.null(colnames(annotations))
  found <- covariate_variables(annotations, name)
  if (unnamed || is.null(dim(annotations))) {
    names(found$frame) <- paste0("annotation", seq_along(found$frame))
  }
  contrasts <- Map(\(x, variable) variable_contrasts(x, variable, name), found$frame,
                   names(found$frame))
  terms <- list(contrasts = Filter(Negate(is.null), contrasts))
  x <- covariate_columns(found$frame, terms, name)
  rownames(x) <- rows
  x
}

# Of standardised columns: none is a combination of others.
check_independent <- function(x, names) {
  decomposition <- qr(crossprod(x) / nrow(x), tol = 1e-8)
  if (decomposition$rank == ncol(x)) return(invisible())
  stop_mnmash(
    "value", "`annotations` are not independent: ",
    describe_index("column", decomposition$pivot[decomposition$rank + 1L], names),
    " is a combination of others; leave it out, or give a `penalty`"
  )
}

# Initial coefficients in the units of the fit.
enrich_start <- function(start, default, names, unit) {
  if (is.null(start)) return(default)
  if (!is.numeric(start) || !all(is.finite(start))) {
    stop_mnmash("argument", "`start` must be ", length(default), " numbers")
  }
  unname(align_vector(
    start, names, length(default), "start", "coefficient", to = "the model", more = "refuse"
  )) * unit
}
