# A toy of the size of real inputs.

#' Simulate the input of a mash analysis
#'
#' Effects in conditions that fall into groups (cell types, tissues): most units have none, others
#' share theirs among all conditions, among those of a group, or have it in one condition. Standard
#' errors differ between conditions, as sample sizes do, and between units; errors are correlated
#' among conditions of the same samples.
#'
#' @param n_strong,n_random,n_null numbers of units in the three sets. Strong units have |z| of at
#'   least 4.9 somewhere, null ones below 2 everywhere; random ones are as they come.
#' @param conditions names of the conditions, or their number, at most 34.
#' @param missing_share share of cells without a value, at random.
#' @param active_share share of units with an effect.
#' @inheritParams shared_arguments
#'
#' @return A list as from [mash_input()]. Its attribute `"truth"` has the residual correlation `V`,
#'   the `groups` of the conditions, and the effects of the three sets.
#' @export
#' @examples
#' input <- simulate_mash_input(n_strong = 50, n_random = 100, n_null = 80, seed = 1)
#' dim(input$strong.b)
#' colnames(input$strong.b)
simulate_mash_input <- function(n_strong = 500, n_random = 1000, n_null = 1000, conditions = 34,
                                missing_share = 0, active_share = 0.3, seed = NULL, ...) {
  take_dots(...)
  sizes <- c(
    strong = check_few(n_strong, 1, 1e8),
    random = check_few(n_random, 1, 1e8),
    null = check_few(n_null, 1, 1e8)
  )
  conditions <- toy_conditions(conditions)
  for (set in names(sizes)) {
    names <- c(paste0("n_", set), "conditions")
    check_cells(stats::setNames(c(sizes[[set]], length(conditions)), names))
  }
  missing <- check_number(missing_share, 0, 0.9, name = "missing_share")
  active <- check_number(active_share, 0.01, 0.99, name = "active_share")
  with_seed(seed, {
    R <- length(conditions)
    group <- (seq_len(R) - 1L) %/% max(2L, ceiling(R / 6)) + 1L
    V <- outer(group, group, \(a, b) ifelse(a == b, 0.3, 0.05))
    diag(V) <- 1
    size <- stats::setNames(exp(stats::runif(R, log(0.08), log(0.25))), conditions)
    # What may enter each set, by its largest |z|.
    suits <- list(strong = \(z) z >= 4.892, random = \(z) TRUE, null = \(z) z < 2)
    sets <- Map(
      \(set, n) toy_set(n, suits[[set]], group, V, size, active, missing), names(sizes), sizes
    )
  })
  named <- function(what) lapply(sets, `[[`, what)
  input <- do.call(c, lapply(names(sets), \(set) {
    stats::setNames(sets[[set]][c("b", "s", "z")], paste(set, c("b", "s", "z"), sep = "."))
  }))
  dimnames(V) <- list(conditions, conditions)
  structure(
    with_products(input),
    truth = list(V = V, groups = stats::setNames(group, conditions), effects = named("effect"))
  )
}

toy_conditions <- function(conditions) {
  if (is.numeric(conditions) && length(conditions) == 1L) {
    cells <- outer(c("Ast", "Exc", "Inh", "Mic", "Oli", "OPC"), c("A", "B", "C"), paste, sep = "_")
    bulk <- outer(
      c("DLPFC", "AC", "PCC", "Mono"), c("eQTL", "pQTL", "sQTL", "haQTL"), paste,
      sep = "_"
    )
    conditions <- check_number(conditions, 2, 34)
    return(c(t(cells), t(bulk))[seq_len(check_count(conditions))])
  }
  if (!is.character(conditions) || length(conditions) < 2L || anyDuplicated(conditions)) {
    stop_mnmash(
      "argument", as_typed("conditions"), " must be at least two distinct names, or their number"
    )
  }
  conditions
}

# Units until enough of them suit.
toy_set <- function(n, suits, group, V, size, active, missing) {
  found <- NULL
  root <- chol(V)
  R <- length(size)
  got <- 0
  while (got < n) {
    J <- max(200, 2 * n)
    effect <- toy_effects(J, group, active)
    s <- outer(exp(stats::rnorm(J, sd = 0.2)), size)
    b <- effect + s * (matrix(stats::rnorm(J * R), J) %*% root)
    gone <- matrix(stats::runif(J * R) < missing, J)
    gone[cbind(seq_len(J), sample.int(R, J, TRUE))] <- FALSE
    b[gone] <- s[gone] <- NA
    keep <- which(rep_len(suits(largest_z(b / s)), J))
    block <- list(b = b, s = s, effect = effect)
    block <- lapply(block, \(x) x[keep, , drop = FALSE])
    found <- if (is.null(found)) block else Map(rbind, found, block)
    got <- got + length(keep)
  }
  found <- lapply(found, \(x) {
    x <- x[seq_len(n), , drop = FALSE]
    dimnames(x) <- list(sprintf("gene%05d_variant", seq_len(n)), names(size))
    x
  })
  c(found, list(z = found$b / found$s))
}

toy_effects <- function(J, group, active) {
  R <- length(group)
  share <- c(1 - active, active * c(0.5, 0.3, 0.2))
  kind <- sample(c("none", "all", "group", "one"), J, TRUE, share)
  scale <- sample(c(0.2, 0.5, 1), J, TRUE)
  shared <- stats::rnorm(J)
  own <- matrix(stats::rnorm(J * R, sd = 0.3), J)
  in_group <- outer(sample.int(max(group), J, TRUE), group, `==`)
  in_one <- outer(sample.int(R, J, TRUE), seq_len(R), `==`)
  where <- (kind == "all") + (kind == "group") * in_group + (kind == "one") * in_one
  matrix(scale * where * (shared + own), J, R)
}
