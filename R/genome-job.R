# The loop of the job: a state that is taken from one pass over the regions to the next, so that it
# can be left and gone on with after any of them.

# `memory` has the state, and the fits of the passes that are still needed.
genome_job <- function(regions, prior, how, folder, n_threads, say) {
  memory <- new.env()
  memory$fits <- list()
  memory$state <- list(
    step = "first", round = 0L, pass = 0L, current = 0L, base = 0L, left = how$max_passes,
    trace = NULL, settled = FALSE
  )
  job <- list(
    regions = regions, prior = prior, how = how, folder = folder, n_threads = n_threads,
    say = say, memory = memory
  )
  if (!is.null(folder)) {
    note <- c(
      unclass(regions)[c("table", "conditions", "data")], list(prior = prior, how = how)
    )
    remember_job(note, folder, "folder")
    state <- state_file(job)
    if (file.exists(state)) memory$state <- read_rds(state, "folder")
  }
  job
}

state_file <- function(job) file.path(job$folder, "state.rds")
pass_folder <- function(job, pass) file.path(job$folder, sprintf("pass-%03d", pass))

# Steps until there is none: the fit that stands.
run_job <- function(job) {
  memory <- job$memory
  while (memory$state$step != "done") {
    memory$state <- next_state(job, memory$state)
    # What is not needed any more goes when it is known that it is not.
    if (!is.null(job$folder)) save_rds(memory$state, state_file(job))
    forget_fits(job)
  }
  fit_of(job, memory$state$current)
}

next_state <- function(job, state) {
  switch(
    state$step,
    first = first_step(job, state), convex = , em = weights_step(job, state),
    covariances = covariances_step(job, state), effects = effects_step(job, state)
  )
}

# The fit of a pass: in memory, or from its files.
fit_of <- function(job, pass) {
  key <- as.character(pass)
  if (is.null(job$memory$fits[[key]])) {
    task <- read_rds(file.path(pass_folder(job, pass), "task.rds"), "folder")
    job$memory$fits[[key]] <- run_pass(job, pass, task$prior, NULL, task$how)
  }
  job$memory$fits[[key]]
}

# Passes that neither stand nor may be gone back to.
forget_fits <- function(job) {
  state <- job$memory$state
  keep <- c(state$current, state$base)
  job$memory$fits <- job$memory$fits[names(job$memory$fits) %in% keep]
  if (is.null(job$folder)) return(invisible())
  old <- setdiff(seq_len(state$pass), keep)
  unlink(pass_folder(job, old), recursive = TRUE)
}

run_pass <- function(job, pass, prior, states, how) {
  folder <- if (!is.null(job$folder)) pass_folder(job, pass)
  if (!is.null(folder)) {
    usable_folder(folder, "folder")
    file <- file.path(folder, "task.rds")
    if (!file.exists(file)) save_rds(list(prior = prior, how = how), file)
  }
  how["n_threads"] <- list(job$n_threads)
  regress_regions(job$regions, prior, states, how, folder)
}

# A pass from the one that stands (or another, or none): its fit is remembered, and the row that the
# trace has of it.
new_pass <- function(job, state, prior, step, restarts = FALSE, posterior = FALSE, compare = NULL) {
  from <- if (state$current > 0L) fit_of(job, state$current)
  state$pass <- state$pass + 1L
  how <- job$how$pass
  how$restarts <- restarts
  how$posterior <- posterior
  fit <- run_pass(job, state$pass, prior, from$fits, how)
  job$memory$fits[[as.character(state$pass)]] <- fit
  gain <- if (is.null(from)) NA_real_ else gained(fit, from)
  row <- data.frame(
    pass = state$pass, round = state$round, step = step, bound = fit$bound, gain = gain,
    null_weight = prior$null_weight, components = sum(prior$w > 0),
    restarted = sum(fit$regions$restarted), kept = TRUE
  )
  state$trace <- rbind(state$trace, row)
  job$say(
    "Pass ", state$pass, " (", step, "): bound ", format(fit$bound, nsmall = 2),
    if (!is.na(gain)) paste0(", ", if (gain >= 0) "+", format(round(gain, 2)))
  )
  list(state = state, fit = fit, gain = gain)
}

# How much higher the bound is, over the regions of both.
gained <- function(fit, before) {
  both <- intersect(fit$regions$region, before$regions$region)
  of <- \(x) x$regions$bound[match(both, x$regions$region)]
  sum(of(fit) - of(before))
}

first_step <- function(job, state) {
  done <- new_pass(job, state, job$prior, "start")
  state <- done$state
  state$current <- state$base <- state$pass
  state$step <- "convex"
  state
}

# One set of weights. Rounding, and the tolerance of the regressions, is no fall.
weights_step <- function(job, state) {
  how <- job$how
  method <- state$step
  fit <- fit_of(job, state$current)
  prior <- mnm_weights(fit, method, n_threads = job$n_threads)
  done <- new_pass(job, state, prior, paste0("weights (", method, ")"))
  state <- done$state
  regions <- nrow(done$fit$regions)
  state$left <- state$left - 1L
  fell <- done$gain < -1e-8 * abs(fit$bound)
  state$trace$kept[nrow(state$trace)] <- !fell
  if (!fell) state$current <- state$pass
  settled <- method == "em" && done$gain <= how$tol * regions
  if (method == "convex" && (fell || done$gain < 0.1 * regions)) state$step <- "em"
  if (settled || state$left <= 0L || (fell && method == "em")) {
    state$settled <- settled
    state <- after_weights(job, state)
  }
  state
}

# Weights stand: new covariances, if there are to be more and the last ones were better.
after_weights <- function(job, state) {
  better <- state$round == 0L ||
    gained(fit_of(job, state$current), fit_of(job, state$base)) > 0
  if (!better) {
    job$say("The covariances of round ", state$round, " are not kept")
    state$trace$kept[state$trace$pass > state$base] <- FALSE
    state$current <- state$base
  }
  state$step <- if (better && state$round < job$how$rounds) "covariances" else "effects"
  state$base <- state$current
  state$left <- job$how$max_passes
  state
}

covariances_step <- function(job, state) {
  fit <- fit_of(job, state$current)
  learn <- c(list(fit), job$how$learn, list(n_threads = job$n_threads))
  prior <- tryCatch(
    do.call(mnm_covariances, learn, quote = TRUE), mnmash_error_too_few = \(e) NULL
  )
  if (is.null(prior)) {
    job$say("There are too few signals to learn covariances from")
    state$step <- "effects"
    return(state)
  }
  state$round <- state$round + 1L
  state <- new_pass(job, state, prior, "covariances", restarts = job$how$restarts)$state
  state$base <- state$current
  state$current <- state$pass
  state$step <- "convex"
  state
}

effects_step <- function(job, state) {
  fit <- fit_of(job, state$current)
  state <- new_pass(job, state, fit$prior, "effects", posterior = TRUE)$state
  state$current <- state$base <- state$pass
  state$step <- "done"
  state
}
