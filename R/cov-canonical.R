# Canonical prior covariances: simple patterns of sharing, known before the data are seen.

#' Canonical prior covariance matrices
#'
#' One matrix for each simple pattern of effects: `"identity"` (independent effects),
#' `"singletons"` (an effect in one condition only, R matrices), `"equal_effects"` (the same effect
#' everywhere), `"simple_het"` (effects of equal size, correlated by 0.25, 0.5 and 0.75), and
#' `"null"` (no effect, not among the defaults).
#'
#' @param data data from [mash_set_data()]; only its number and names of conditions are used.
#' @param cov_methods names of the patterns wanted (partial matching), in the order of the result.
#'   An element may also be `list(fn =, args =)`: a function of `data` and of the list of arguments
#'   `args` that returns a matrix or a list of matrices; the name of the element then names them.
#' @inheritParams shared_arguments
#'
#' @return A named list of R x R matrices. Singletons are named by the conditions, or
#'   `singletons_1`, ... when these have no names; several matrices of one pattern get a number, as
#'   in `simple_het_1`.
#' @references Urbut, Wang, Carbonetto and Stephens (2019), Nature Genetics 51, 187-195.
#' @seealso [cov_pca()], [mash()]
#' @export
#' @examples
#' data <- mash_set_data(simple_sims(nsamp = 5)$Bhat)
#' names(cov_canonical(data))
#' cov_canonical(data, "equal")
#'
#' # A pattern of one's own
#' near <- function(data, rho) diag(ncol(data$Bhat)) * (1 - rho) + rho
#' cov_canonical(data, list("identity", near = list(fn = near, args = list(rho = 0.9))))
cov_canonical <- function(data, cov_methods = c(
                            "identity", "singletons", "equal_effects", "simple_het"
                          ), ...) {
  take_dots(...)
  check_mash_data(data)
  if (!length(cov_methods) || !(is.character(cov_methods) || is.list(cov_methods))) {
    stop_mnmash("argument", "`cov_methods` must name at least one kind of matrix")
  }
  matrices <- lapply(seq_along(cov_methods), \(i) {
    method <- cov_methods[[i]]
    if (is.character(method)) {
      name <- match_choice(
        method, names(canonical_methods), name = paste0("cov_methods[[", i, "]]")
      )
      method <- canonical_methods[[name]]
    } else {
      name <- names(cov_methods)[i]
    }
    canonical_matrices(data, method, name, i)
  })
  do.call(c, matrices)
}

canonical_matrices <- function(data, method, name, i) {
  if (is.function(method)) method <- list(fn = method)
  if (!is.list(method) || !is.function(method$fn)) {
    stop_mnmash("argument", "`cov_methods[[", i, "]]` must be a name or list(fn =, args =)")
  }
  found <- do.call(method$fn, utils::modifyList(list(data = data), as.list(method$args)))
  if (is.null(name) || !nzchar(name)) name <- paste0("custom", i)
  if (!is.list(found)) {
    found <- list(found)
    names(found) <- name
  } else if (is.null(names(found))) {
    names(found) <- paste0(name, "_", seq_along(found))
  }
  found
}

cov_zero <- function(data) matrix(0, ncol(data$Bhat), ncol(data$Bhat))

cov_identity <- function(data) diag(ncol(data$Bhat))

cov_singletons <- function(data) {
  R <- ncol(data$Bhat)
  singletons <- lapply(seq_len(R), \(r) {
    U <- matrix(0, R, R)
    U[r, r] <- 1
    U
  })
  names(singletons) <- colnames(data$Bhat)
  singletons
}

cov_equal_effects <- function(data) matrix(1, ncol(data$Bhat), ncol(data$Bhat))

cov_simple_het <- function(data, corr = c(0.25, 0.5, 0.75)) {
  bad <- which(is.na(corr) | abs(corr) > 1)
  if (length(bad)) {
    stop_mnmash("value", "`corr` must be between -1 and 1: it is ", corr[bad[1L]])
  }
  R <- ncol(data$Bhat)
  lapply(corr, \(rho) {
    U <- matrix(rho, R, R)
    diag(U) <- 1
    U
  })
}

canonical_methods <- list(
  null = list(fn = cov_zero),
  identity = list(fn = cov_identity),
  singletons = list(fn = cov_singletons),
  equal_effects = list(fn = cov_equal_effects),
  simple_het = list(fn = cov_simple_het, args = list(corr = c(0.25, 0.5, 0.75)))
)
