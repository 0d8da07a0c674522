# The regions of a genome: what is known of each, and reading it where it is needed.

#' Regions of a genome
#'
#' Looks at the data of many regions (genes, blocks of the genome) and keeps what a genome-wide
#' analysis needs to know of each: where its data are, how many samples and variants it has, in
#' which conditions, and whether anything is wrong with it. [mnm()] does this first; made
#' beforehand, it is not done again by each step.
#'
#' @section Forms:
#' Each region is a list with one of
#' - individual data: `X` (samples x variants: a matrix, a sparse matrix, or the name of a file as
#'   of [read_genotypes()]), `Y` (samples x conditions, `NA` where not observed: a matrix, or the
#'   name of a table with the samples in its first column) and perhaps `covariates`. With PLINK's
#'   files, `range` (`"chr1:10000-20000"`) or `variants` (names) say which variants are the
#'   region's; genotypes stay in two bits, and missing ones are the mean of the others. Samples are
#'   matched by name; those that are in `X` and in `Y` are used;
#' - summary statistics: `Bhat` and `Shat`, or `Z` (variants x conditions), `LD`, `n`, and `covY`,
#'   the covariance of the responses, or `V`, their correlation, as in [mr_mash_rss()].
#'
#' A data frame has a row for each region: a column `region` with names, and columns with the names
#' above that have names of files (or ranges). Regions may lack conditions: these are matched by
#' name, and the prior is reduced to its margin.
#'
#' @section Memory:
#' Matrices that are given stay where they are. What is read from files is kept, in two bits if it
#' is in PLINK's format, as long as all of it takes at most `keep` bytes; beyond that, regions are
#' read anew in each round. A `.bim` file is read once.
#'
#' @param regions a list of regions with names, or a data frame; see Forms.
#' @param covariates of all regions with individual data: as in [mr_mash()].
#' @param keep bytes of data from files that may stay in memory.
#' @inheritParams shared_arguments
#'
#' @return An object of class `mnm_regions`, a list of `table` (a data frame of `region`, `n`, `p`,
#'   `conditions`, their number, and `form`), `conditions` (names of all), `failures` (a data frame
#'   of `region`, `step`, `class` and `message`), and what the steps use.
#' @section Errors:
#' A region whose data cannot be read or used is not an error but a row of `failures`. It is an
#' error of class `mnmash_error_region` if none is left.
#' @seealso [mnm()]
#' @export
#' @examples
#' genes <- lapply(c(gene1 = 1, gene2 = 2), \(seed) {
#'   simulate_mr_mash(n = 100, p = 30, p_causal = 2, r = 2, pve = 0.3, seed = seed)[c("X", "Y")]
#' })
#' genes$bad <- list(X = genes$gene1$X, Y = genes$gene1$Y[1:10, ])
#' mnm_regions(genes)
mnm_regions <- function(regions, covariates = NULL, keep = 2e9, ...) {
  take_dots(...)
  keep <- check_number(keep, 0)
  if (is.data.frame(regions)) regions <- region_rows(regions)
  regions <- named_regions(regions)
  if (!is.list(regions)) {
    stop_mnmash("type", "`regions` must be a list of lists, or a data frame; see ?mnm_regions")
  }
  source <- list(regions = regions, covariates = covariates, index = new.env(), keep = keep)
  source$held <- new.env()
  source$held$bytes <- 0
  looked <- lapply(names(regions), \(name) {
    tryCatch(look_at(read_region(source, name)), error = identity)
  })
  names(looked) <- names(regions)
  bad <- vapply(looked, inherits, NA, "error")
  failures <- failure_rows(looked[bad], "read")
  if (all(bad)) {
    stop_all_failed("no region can be used", failures, looked[[1L]])
  }
  good <- looked[!bad]
  conditions <- unique(unlist(lapply(good, `[[`, "conditions")))
  table <- data.frame(
    region = names(good), n = vapply(good, `[[`, 0, "n"), p = vapply(good, `[[`, 0, "p"),
    conditions = vapply(good, \(x) length(x$conditions), 0L),
    form = vapply(good, `[[`, "", "form"), row.names = NULL
  )
  structure(
    list(
      table = table, conditions = conditions, failures = failures, source = source,
      of_each = lapply(good, `[[`, "conditions"),
      # Enough to notice that a folder is about other data.
      data = vapply(good, `[[`, 0, "sum"),
      sizes = colMeans(do.call(rbind, lapply(good, `[[`, "sizes")))
    ),
    class = "mnm_regions"
  )
}

# The rows of a table as lists.
region_rows <- function(table) {
  if (is.null(table$region)) {
    stop_mnmash("names", "`regions` must have a column `region` with the names of the regions")
  }
  names <- as.character(table$region)
  columns <- setdiff(names(table), "region")
  rows <- lapply(seq_len(nrow(table)), \(i) {
    row <- lapply(table[i, columns, drop = FALSE], \(x) if (is.factor(x)) as.character(x) else x)
    Filter(\(x) !is.na(x) && !identical(x, ""), row)
  })
  stats::setNames(rows, names)
}

failure_rows <- function(errors, step) {
  data.frame(
    region = as.character(names(errors)), step = rep(step, length(errors)),
    class = vapply(errors, \(e) class(e)[1L], "", USE.NAMES = FALSE),
    message = vapply(errors, conditionMessage, "", USE.NAMES = FALSE)
  )
}

# What the table has of a region, and the sizes of its effects: the largest square beyond chance,
# and the smallest standard error.
look_at <- function(region) {
  s <- region$spread / sqrt(region$n - 1)
  excess <- max(region$marginal^2 - rep(s^2, each = nrow(region$marginal)), 0, na.rm = TRUE)
  list(
    n = as.double(region$n), p = as.double(region$p), conditions = region$conditions,
    form = region$form, sum = sum(region$marginal, na.rm = TRUE),
    sizes = c(largest = sqrt(excess), error = min(s, na.rm = TRUE))
  )
}

# All regions fail: an error that is also of the kind of the first.
stop_all_failed <- function(what, failures, first) {
  e <- tryCatch(
    stop_mnmash(
      "region", what, ": region \"", failures$region[1L], "\": ", conditionMessage(first),
      data = list(failures = failures)
    ),
    error = identity
  )
  class(e) <- unique(c(class(e)[1L], class(first)[1L], class(e)[-1L]))
  stop(e)
}

region_words <- list(
  individual = c("X", "Y", "covariates", "range", "variants"),
  statistics = c("Bhat", "Shat", "Z", "LD", "n", "covY", "V")
)

# A region as the core takes it, with what it takes to understand the answer.
read_region <- function(source, name) {
  held <- source$held[[name]]
  if (!is.null(held)) return(held)
  given <- source$regions[[name]]
  if (!is.list(given) || is.null(names(given))) {
    stop_mnmash("type", "a region must be a list with names: see ?mnm_regions")
  }
  unknown <- setdiff(names(given), unlist(region_words))
  if (length(unknown)) {
    stop_mnmash("argument", "a region has no \"", unknown[1L], "\": see ?mnm_regions")
  }
  individual <- !is.null(given$X)
  other <- intersect(names(given), region_words[[if (individual) "statistics" else "individual"]])
  if (length(other)) {
    stop_mnmash(
      "argument", "a region of ", if (individual) "individual data" else "summary statistics",
      " has no \"", other[1L], "\""
    )
  }
  region <- if (individual) individual_region(source, given) else statistics_region(given)
  size <- as.double(utils::object.size(region[c("predictors", "packed", "responses")]))
  if (source$held$bytes + size <= source$keep) {
    source$held[[name]] <- region
    source$held$bytes <- source$held$bytes + size
  }
  region
}

# Summary statistics, of standardized predictors.
statistics_region <- function(given) {
  given <- lapply(given, \(x) if (is_file_name(x)) statistics_file(x) else x)
  stats <- as_sumstats(given$Bhat, given$Shat, given$Z)
  if (is.null(given$LD) || is.null(given$n)) {
    stop_mnmash("argument", "summary statistics need `LD` and `n`")
  }
  conditions <- colnames(stats$z) %||% numbered_conditions(ncol(stats$z))
  if (!is.null(given$covY) && !is.null(given$V)) {
    stop_mnmash(
      "argument", "a region has `covY`, the covariance of the responses, or `V`, their ",
      "correlation, not both"
    )
  }
  data <- mash_rss_products(stats, given$n, given$covY %||% given$V, NULL)
  if (data$unequal) {
    stop_mnmash("unsupported", "`n` must be the same for all conditions of a region")
  }
  p <- length(data$norms)
  sd <- sqrt(data$norms / (data$samples - 1))
  scale <- ifelse(sd > 0, sd, 1)
  LD <- as_ld(given$LD, p, data$names, 0, TRUE)
  root <- sqrt((data$samples - 1) * (sd > 0))
  products <- data$products / scale
  spread <- sqrt(diag(as.matrix(data$covY)))
  list(
    form = "statistics",
    predictors = core_products(ld_products(LD, root, seq_len(p)), data$samples),
    responses = core_responses(unname(products), unname(data$total)), V = unname(data$covY),
    n = data$samples, p = p, conditions = conditions, variants = data$names %||% LD$names,
    scale = scale, marginal = products / (data$samples - 1), spread = spread,
    finemap = \(V) {
      known <- intersect(c("Z", "Bhat", "Shat"), names(given))
      list(
        do.call(finemap_sumstats, c(given[known], list(LD = given$LD, n = given$n))),
        stats::cov2cor(V)
      )
    }
  )
}

# A matrix in a file: of summary statistics, or of LD.
statistics_file <- function(file) {
  if (grepl("[.]rds$", ascii_lower(file))) return(read_rds(file, "regions"))
  table <- read_table(file, "`regions`")
  x <- from_file("regions", file, as_numeric_matrix(table[-1L], name = "regions"))
  rownames(x) <- name_text(table[[1L]])
  x
}

#' @rdname mnm_regions
#' @param x the regions.
#' @export
print.mnm_regions <- function(x, ...) {
  take_dots(...)
  cat(
    counted(nrow(x$table), "region"), " in ", counted(length(x$conditions), "condition"), ": ",
    number(sum(x$table$p)), " variants, n = ", paste(unique(range(x$table$n)), collapse = " to "),
    "\n", sep = ""
  )
  print_failures(x$failures)
  invisible(x)
}

print_failures <- function(failures) {
  if (!nrow(failures)) return(invisible())
  cat(counted(nrow(failures), "region"), " failed:\n", sep = "")
  for (i in seq_len(min(3L, nrow(failures)))) {
    cat("  ", failures$region[i], ": ", failures$message[i], "\n", sep = "")
  }
  if (nrow(failures) > 3L) cat("  and ", nrow(failures) - 3L, " more\n", sep = "")
}

#' @export
`$.mnm_regions` <- function(x, name) exact_entry(x, name)
