# Prior covariances of the models "unassociated, directly or indirectly associated".
#
# Given the unassociated conditions U, the residual covariance of the others is
#   C = V_AA - V_AU V_UU^-1 V_UA,   A = D + I.
# Directly associated effects have covariance C_DD. Indirect effects are what direct ones imply:
#   b_I = B b_D with B = C_ID C_DD^-1, so that their covariances are B C_DD and B C_DD B'.

#' Prior covariances of unassociated, directly and indirectly associated conditions
#'
#' One matrix for each way of calling every condition unassociated (`U`), directly (`D`) or
#' indirectly (`I`) associated with a unit. Unassociated conditions have no effect. The effects of
#' the directly associated ones have the residual covariance `V` of these given the unassociated
#' ones. Indirectly associated ones have the effects that follow from the regression of their
#' errors on those of the direct ones, and nothing of their own.
#'
#' @param data data from [mash_set_data()]: its `V`, one for all units, makes the matrices.
#' @param model the models wanted: R letters `U`, `D`, `I`; a matrix or data frame of such rows; or
#'   strings of R letters, such as `"DUI"`. Each needs at least one `D`. Default: all `3^R - 2^R`
#'   models, the first condition's letter changing fastest, for at most 10 conditions.
#' @inheritParams shared_arguments
#'
#' @return A named list of R x R matrices, `cov_udi_DUI`, ...: one for each row of `model`.
#'   Their scale is that of `V`: standard errors of one.
#' @references Stephens (2013), PLoS ONE 8, e65245.
#' @seealso [cov_canonical()], [mash()]
#' @export
#' @examples
#' V <- matrix(0.5, 3, 3) + diag(0.5, 3)
#' data <- mash_set_data(simple_sims(nsamp = 5, ncond = 3)$Bhat, V = V)
#' length(cov_udi(data))
#' cov_udi(data, c("D", "I", "U"))
#' names(cov_udi(data, c("DDD", "DII")))
cov_udi <- function(data, model = NULL, ...) {
  take_dots(...)
  check_mash_data(data)
  if (!is.null(data$L)) {
    stop_mnmash(
      "argument", as_typed("data"), " are contrasts: models of conditions need the conditions"
    )
  }
  if (!isTRUE(data$commonV)) {
    stop_mnmash(
      "argument", as_typed("data"), " must have one ", as_typed("V"),
      " for all units, R x R, to make models from"
    )
  }
  model <- udi_models(model, ncol(data$Bhat))
  matrices <- lapply(seq_len(nrow(model)), \(i) udi_covariance(unname(data$V), model[i, ]))
  names(matrices) <- paste0("cov_udi_", apply(model, 1L, paste0, collapse = ""))
  matrices
}

# The models as a matrix of letters, one model in a row.
udi_models <- function(model, R) {
  if (is.null(model)) return(all_udi_models(R))
  if (is.data.frame(model)) model <- as.matrix(model)
  if (!is.character(model) || !length(model) || anyNA(model) || !all(validUTF8(model))) {
    stop_mnmash("type", "`model` must hold the letters U, D and I")
  }
  if (is.null(dim(model)) && R > 1 && all(nchar(model) == R)) {
    model <- do.call(rbind, strsplit(model, ""))
  }
  if (!is.matrix(model)) model <- matrix(model, ncol = length(model))
  if (ncol(model) != R) {
    stop_mnmash(
      "dimension", "`model` must have one letter for each of the ", R, " conditions, not ",
      ncol(model)
    )
  }
  bad <- which(!(model %in% c("U", "D", "I")))
  if (length(bad)) {
    stop_mnmash(
      "value", "`model` must hold the letters U, D and I: it is \"", model[bad[1L]], "\" at ",
      describe_cell(unname(model), bad[1L])
    )
  }
  bad <- which(rowSums(model == "D") == 0)
  if (length(bad)) {
    stop_mnmash("value", "`model` needs at least one D in each row: row ", bad[1L], " has none")
  }
  unname(model)
}

all_udi_models <- function(R) {
  if (R > 10) {
    stop_mnmash(
      "argument", "there are ", format(3^R - 2^R, big.mark = ","), " models of ", R,
      " conditions: choose some by `model`"
    )
  }
  letters <- as.matrix(expand.grid(rep(list(c("U", "D", "I")), R), stringsAsFactors = FALSE))
  unname(letters[rowSums(letters == "D") > 0, , drop = FALSE])
}

udi_covariance <- function(V, letters) {
  U <- which(letters == "U")
  D <- which(letters == "D")
  I <- which(letters == "I")
  C <- V
  if (length(U)) C <- V - V[, U] %*% solve(V[U, U, drop = FALSE], V[U, , drop = FALSE])
  found <- matrix(0, nrow(V), ncol(V))
  found[D, D] <- C[D, D]
  if (length(I)) {
    implied <- C[I, D, drop = FALSE]
    found[I, D] <- implied
    found[D, I] <- t(implied)
    found[I, I] <- implied %*% solve(C[D, D, drop = FALSE], t(implied))
  }
  (found + t(found)) / 2
}
