# How far the lfsr under a prior that few units taught are too small, by simulation.
#
# Data are drawn from the learnt prior, with the errors of the units; the prior is learnt anew from
# each, matrices, tree and weights; and the signs called under it are held against the simulated
# effects. Among effects by their lfsr, the share of wrong signs, made monotone, is what an lfsr is
# raised to; contrasts of effects have a share of their own. The strongest unit of a block is among
# those that teach its own prior, there as here.

# The map of the prior `g` of data in blocks (see R/prior-lfsr-map.R), or NULL where too few effects
# in the simulations are near a call. `strong` are the strong units, where they are others than
# those of `data`: errors are then those of both. Units and conditions are taken in the order of
# their names.
learn_lfsr_map <- function(data, blocks, g, how, nsim, z_thresh = 4, strong = NULL) {
  R <- ncol(data$Bhat)
  one_correlation <- \(d) is.null(d) || length(dim(d$V)) == 2L
  if (nsim < 1 || R < 2L || !one_correlation(data) || !one_correlation(strong)) return(NULL)
  by_name <- order_by_name(data)
  blocks <- blocks[by_name]
  names <- colnames(data$Bhat)
  at <- if (is.null(names)) seq_len(R) else order(names, method = "radix")
  data <- data_columns(data_rows(data, by_name), at)
  if (!is.null(strong)) strong <- data_columns(data_rows(strong, order_by_name(strong)), at)
  g$Ulist <- lapply(g$Ulist, \(U) U[at, at, drop = FALSE])
  if (!is.null(g$product)) g$product$pi <- g$product$pi[, at, drop = FALSE]
  linkage <- block_linkage(data, blocks)
  A <- some_contrasts(R)
  found <- with_seed(how$seed, lapply(seq_len(nsim), \(i) {
    random <- simulate_blocks(data, blocks, g, linkage)
    chosen <- if (!is.null(strong)) simulate_chosen(strong, g)
    again <- relearnt(random$data, blocks, how, z_thresh, chosen$data)
    of <- \(A) do.call(rbind, lapply(list(random, chosen), signs_called, again, how, A))
    list(effects = of(NULL), contrasts = of(A))
  }))
  together <- \(what) monotone_errors(do.call(rbind, lapply(found, `[[`, what)))
  map <- together("effects")
  if (!is.null(map)) map$contrast <- together("contrasts")
  map
}

# Contrasts of as many kinds as are looked at: of each condition and the next, and of each and the
# mean of the others.
some_contrasts <- function(R) {
  own <- diag(R)
  if (R == 2L) return(matrix(c(1, -1), 1L))
  rbind(own - own[c(2:R, 1L), ], own - (1 - own) / (R - 1))
}

# What is called under the prior `g` of simulated effects, or contrasts `A` of them, and whether it
# is wrong: lfsr and wrong.
signs_called <- function(simulation, g, how, A) {
  if (is.null(simulation)) return(NULL)
  said <- mash_compute_posterior_matrices(
    g, simulation$data, A = A, n_threads = how$n_threads
  )
  B <- simulation$B
  if (!is.null(A)) {
    largest <- apply(abs(B), 1L, max)
    B <- B %*% t(A)
    # Equal effects differ by rounding.
    B[abs(B) < 1e-9 * largest] <- 0
  }
  cbind(lfsr = c(said$lfsr), wrong = c(sign(B) != sign(said$PosteriorMean) | B == 0))
}

# The correlation of the errors of two units in a block: of neighbours in it that look null.
block_linkage <- function(data, blocks) {
  z <- data$Bhat / data$Shat
  if (!is.null(data$missing)) z[data$missing] <- NA
  rows <- order(blocks, method = "radix")
  first <- rows[-length(rows)]
  second <- rows[-1L]
  quiet <- unit_strength(data) < 2
  pairs <- blocks[first] == blocks[second] & quiet[first] & quiet[second]
  if (sum(pairs) < 10L) return(0)
  products <- mean(z[first[pairs], ] * z[second[pairs], ], na.rm = TRUE)
  squares <- mean(c(z[first[pairs], ]^2, z[second[pairs], ]^2), na.rm = TRUE)
  min(max(products / squares, 0), 1)
}

# Effects that the units of a block share, measured with errors that are correlated in it: list(B,
# data) as simulate_once() has them.
simulate_blocks <- function(data, blocks, g, linkage) {
  leads <- which(!duplicated(blocks))
  lead <- match(blocks, blocks[leads])
  one <- data_rows(data, leads)
  B <- simulated_effects(one, g)[lead, , drop = FALSE]
  errors <- residual_draws(data)
  if (length(leads) < length(blocks)) {
    common <- residual_draws(one)[lead, , drop = FALSE]
    errors <- sqrt(linkage) * common + sqrt(1 - linkage) * errors
  }
  data$Bhat[] <- B + data$Shat * errors
  if (!is.null(data$missing)) data$Bhat[data$missing] <- 0
  list(B = `dimnames<-`(B * data$Shat_alpha, dimnames(data$Bhat)), data = data)
}

# Draws from the prior for the units of `data`, in scaled units; it may have a part of independent
# effects. Random numbers are as many whatever they say, components are in the order of their names,
# and roots are the symmetric ones, so that draws follow small changes of the prior.
simulated_effects <- function(data, g) {
  J <- nrow(data$Bhat)
  R <- ncol(data$Bhat)
  normal <- matrix(stats::rnorm(J * R), J)
  pi <- as.double(g$pi)
  null <- if (g$usepointmass) pi[1L] else 0
  by_name <- order(names(g$Ulist) %||% seq_along(g$Ulist), method = "radix")
  pi <- matrix(if (g$usepointmass) pi[-1L] else pi, length(by_name))[by_name, , drop = FALSE]
  weights <- c(null, pi, g$product$weight)
  place <- stats::runif(J)
  component <- findInterval(place, cumsum(weights) / sum(weights), rightmost.closed = TRUE)
  k <- (component - 1L) %% length(by_name) + 1L
  k[component == 0L | component > length(pi)] <- 0L
  B <- matrix(0, J, R)
  for (used in setdiff(unique(k), 0L)) {
    rows <- which(k == used)
    e <- eigen(g$Ulist[[by_name[used]]], symmetric = TRUE)
    root <- e$vectors %*% (sqrt(pmax(e$values, 0)) * t(e$vectors))
    scale <- g$grid[(component[rows] - 1L) %/% length(by_name) + 1L]
    B[rows, ] <- scale * normal[rows, , drop = FALSE] %*% root
  }
  if (!is.null(g$product)) {
    within <- matrix(stats::runif(J * R), J)
    lone <- component > length(pi)
    for (r in seq_len(R)) {
      share <- cumsum(g$product$pi[, r]) / sum(g$product$pi[, r])
      slab <- findInterval(within[lone, r], share, rightmost.closed = TRUE) + 1L
      B[lone, r] <- g$product$grid[slab] * normal[lone, r]
    }
  }
  B
}

# Strong units drawn from the prior as they were chosen: of many candidates those that are as
# strong. list(B, data) as simulate_blocks() has them.
simulate_chosen <- function(strong, g, most_cells = 4e6) {
  n <- nrow(strong$Bhat)
  active <- max(1 - if (g$usepointmass) g$pi[[1L]] else 0, 1e-3)
  times <- max(1, min(ceiling(20 / active), floor(most_cells / length(strong$Bhat))))
  candidates <- data_rows(strong, rep(seq_len(n), times))
  simulation <- simulate_blocks(candidates, seq_len(n * times), g, 0)
  rows <- as_strong(unit_strength(simulation$data), unit_strength(strong))
  list(B = simulation$B[rows, , drop = FALSE], data = data_rows(simulation$data, rows))
}

# For each of the strengths wanted, from the smallest on, the weakest candidate that is not weaker
# and not taken; where there is none, the strongest of those left. Ties go by position.
as_strong <- function(strengths, wanted) {
  order <- order(strengths, method = "radix")
  places <- findInterval(sort(wanted), strengths[order], left.open = TRUE) + 1L
  last <- 0L
  for (i in seq_along(places)) last <- places[i] <- max(places[i], last + 1L)
  beyond <- which(places > length(strengths))
  left <- setdiff(rev(seq_along(strengths)), places)
  places[beyond] <- left[seq_along(beyond)]
  order[places]
}

# The prior learnt anew from simulated data, and simulated strong units if these are others.
relearnt <- function(data, blocks, how, z_thresh, strong) {
  rows <- learning_rows(data, strong, blocks, z_thresh, how$seed, how$n_strong)
  random <- data_rows(data, rows$random)
  U <- learn_matrices(random, strong %||% data_rows(data, rows$strong), how)
  learn_weights(random, U, how)$g
}

# Observed errors of effects with an lfsr below .5, by bins of as many each (20 at least, `most`
# bins), made monotone in the lfsr and not less than it.
monotone_errors <- function(cells, most = 60L) {
  cells <- cells[cells[, "lfsr"] < 0.5, , drop = FALSE]
  n <- nrow(cells)
  bins <- min(most, n %/% 20L)
  if (bins < 5L) return(NULL)
  cells <- cells[order(cells[, "lfsr"]), ]
  bin <- ceiling(seq_len(n) * bins / n)
  lfsr <- pmax(as.vector(rowsum(cells[, "lfsr"], bin)) / tabulate(bin), 1e-300)
  wrong <- as.vector(rowsum(cells[, "wrong"], bin)) / tabulate(bin)
  error <- pmax(stats::isoreg(log(lfsr), wrong)$yf, lfsr)
  keep <- !duplicated(lfsr)
  list(lfsr = lfsr[keep], error = cummax(error[keep]))
}

# That of mash data without a prior: all units are random ones.
#' @exportS3Method
learnt_lfsr_map.mash <- function(data, g, n_threads) {
  learn_lfsr_map(
    data, block_numbers(NULL, data), g, learning_choices(n_threads = n_threads), bootstrap_sims
  )
}

# Simulations by default: their effects near a call are counted together.
bootstrap_sims <- 4L
