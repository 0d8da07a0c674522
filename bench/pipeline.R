# The pipeline on simulated data of the size of GTEx: 16,000 strong and 40,000 random units in 49
# conditions. Usage: Rscript bench/pipeline.R [EZ|EE] [n_strong] [n_random] [threads]
library(mnmash)
args <- commandArgs(trailingOnly = TRUE)
model <- if (length(args)) args[1] else "EZ"
size <- if (length(args) > 2) as.numeric(args[2:3]) else c(16000, 40000)
if (length(args) > 3) options(mnmash.threads = as.integer(args[4]))
R <- 49
K <- 8

set.seed(1)
patterns <- lapply(seq_len(K), \(k) {
  f <- matrix(rnorm(R * 2) * (runif(R * 2) < 0.4), R)
  tcrossprod(f) + diag(0.05, R)
})
noise <- chol(0.3 + diag(0.7, R))
simulate <- function(n, share, sd) {
  s <- matrix(exp(rnorm(n * R, log(0.1), 0.3)), n)
  component <- sample(K, n, TRUE)
  effect <- matrix(0, n, R)
  for (k in seq_len(K)) {
    rows <- which(component == k & runif(n) < share)
    effect[rows, ] <- matrix(rnorm(length(rows) * R), ncol = R) %*% chol(patterns[[k]]) * sd
  }
  b <- effect + s * (matrix(rnorm(n * R), n) %*% noise)
  colnames(b) <- colnames(s) <- paste0("tissue", seq_len(R))
  list(b = b, s = s)
}
sets <- list(
  strong = simulate(size[1], 1, 0.4), random = simulate(size[2], 0.2, 0.2),
  null = simulate(5000, 0, 0)
)
input <- list()
for (set in names(sets)) {
  keep <- if (set == "null") apply(abs(sets[[set]]$b / sets[[set]]$s), 1, max) < 3.5 else TRUE
  input[[paste0(set, ".b")]] <- sets[[set]]$b[keep, ]
  input[[paste0(set, ".s")]] <- sets[[set]]$s[keep, ]
}
timed <- function(label, code) {
  time <- system.time(value <- code)
  cat(sprintf("%-28s %8.1f CPU s %8.1f s\n", label, sum(time[1:2]), time[[3]]))
  value
}
# 26 starting matrices: 20 principal components and their sum, and 5 canonical ones.
data <- mash_set_data(input$strong.b, input$strong.s, alpha = as.numeric(model == "EZ"))
start <- c(
  cov_pca(data, 20), cov_canonical(data, c("identity", "equal_effects", "simple_het"))
)
file <- tempfile(fileext = ".rds")
saveRDS(start, file)
folder <- tempfile("pipeline")
prior <- timed(paste(length(start), "matrices, prior"), mixture_prior(
  input, effect_model = model, V = "corrected", component_files = file, ed_tol = 1e-3,
  cwd = folder
))
fit <- timed("fit and posteriors", mash_fit(input, prior, cwd = folder))
cat("iterations", prior$n_iter, "converged", prior$converged, "loglik", fit$loglik, "\n")
print(file.info(list.files(folder, full.names = TRUE))["size"])
