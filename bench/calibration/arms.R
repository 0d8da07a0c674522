# Priors to compare. An arm is a function of a design's data that returns a fit of mash(), of all
# units. Each estimates what a user would have to, but for `true`, which knows.

strong_rows <- function(d, cut = 4) {
  z <- apply(abs(d$Bhat / d$Shat), 1, max, na.rm = TRUE)
  found <- which(z > cut)
  if (length(found) < 200) order(-z)[seq_len(min(200, length(z)))] else found
}

data_of <- function(d, V = residual_correlation(mash_set_data(d$Bhat, d$Shat), "corrected")) {
  mash_set_data(d$Bhat, d$Shat, V = V)
}

rows_of <- function(d, rows, V) {
  mash_set_data(d$Bhat[rows, , drop = FALSE], d$Shat[rows, , drop = FALSE], V = V)
}

# Sets as the pipeline has them.
sets_of <- function(d) {
  strong <- strong_rows(d)
  list(
    strong.b = d$Bhat[strong, ], strong.s = d$Shat[strong, ], random.b = d$Bhat,
    random.s = d$Shat
  )
}

arms <- list(
  canonical = \(d) {
    data <- data_of(d)
    mash(data, cov_canonical(data), verbose = FALSE)
  },
  # As the vignettes of mashr have it.
  mashr = \(d) {
    data <- data_of(d, estimate_null_correlation_simple(mash_set_data(d$Bhat, d$Shat)))
    strong <- rows_of(d, strong_rows(d), data$V)
    U <- cov_ed(strong, cov_pca(strong, min(5, ncol(d$B) - 1)))
    mash(data, c(U, cov_canonical(data)), verbose = FALSE)
  },
  ud = \(d) {
    data <- data_of(d)
    U <- ud_fit(rows_of(d, strong_rows(d), data$V), seed = 1)$U
    mash(data, c(U, cov_canonical(data)), verbose = FALSE)
  },
  ed_bovy = \(d) {
    prior <- mixture_prior(sets_of(d), engine = "ed_bovy", verbose = FALSE)
    mash(data_of(d, prior$V), prior$U, verbose = FALSE)
  },
  mixture_prior = \(d) {
    prior <- mixture_prior(sets_of(d), verbose = FALSE)
    mash(data_of(d, prior$V), g = prior, fixg = TRUE, verbose = FALSE)
  },
  learn_prior = \(d) {
    prior <- learn_prior(mash_set_data(d$Bhat, d$Shat), blocks = d$block)
    mash(data_of(d, prior$V), g = prior, fixg = TRUE, verbose = FALSE)
  },
  true = \(d) {
    U <- if (is.null(d$U)) list(identity = diag(ncol(d$B))) else d$U
    mash(data_of(d, d$V), U, verbose = FALSE)
  }
)
