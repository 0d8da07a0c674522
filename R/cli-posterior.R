# Steps of the command line that apply a fit.

run_posterior_step <- function(o) {
  apply_fit(o, "posterior", \(...) {
    mash_posterior(..., output_posterior_cov = o[["posterior-cov"]])
  })
}

# What a step uses when the option is not given; the option's own default is for other steps.
posterior_defaults <- list(
  "effect-model" = "that of the fit", "vhat-data" = "that of the fit"
)

posterior_options <- c(
  "data", "analysis-units", "cwd", "output-prefix", "output-suffix", "output", "mash-model",
  "vhat-data", "posterior-vhat-files", "bhat-table-name", "shat-table-name", "data-table-name",
  "exclude-condition", "exclude-rule", "missing", "effect-model", "per-chunk", "slice-method"
)
