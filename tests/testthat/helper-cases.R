# The stored cases of mash: data, prior and expected numbers (see the notes in each file).

complete_cases <- c(
  "EE_R1", "EE_R2", "EE_R5_V", "EZ_R5_V", "A05_R5", "common_R5", "commoncol_EZ", "Varray", "df10",
  "fixg_EE", "no_pointmass", "prior_uniform", "given_grid", "R12_EE"
)
missing_cases <- c("NA_EE_V", "NA_EZ_V", "NA_EE_Videntity")

mash_case <- function(name) reference_case(paste0("mash_", name))

case_data <- function(case) {
  input <- case$input
  suppressMessages(
    mash_set_data(input$Bhat, input$Shat, alpha = input$alpha, df = input$df, V = input$V)
  )
}

# The prior of a case with its stored weights.
case_prior <- function(case) {
  output <- case$output
  list(
    pi = if (is.null(output$pi)) output$at_given_pi$pi else output$pi,
    Ulist = output$Ulist_normalised, grid = output$grid, usepointmass = case$input$usepointmass
  )
}

# The largest difference relative to the size of the expected values.
relative_difference <- function(found, expected) {
  max(abs(found - expected) / pmax(abs(expected), 1))
}

# Data with any noise and any pattern of missing values (no row and no column without a value).
random_data <- function(R, J = 12, missing = 0, alpha = 0, V = diag(R), seed = 1) {
  set.seed(seed)
  B <- matrix(rnorm(J * R, sd = 2), J)
  S <- matrix(runif(J * R, 0.2, 2), J)
  hole <- matrix(runif(J * R) < missing, J)
  hole[cbind(seq_len(J), sample.int(R, J, TRUE))] <- FALSE
  diagonal <- cbind(seq_len(min(J, R)), seq_len(min(J, R)))
  hole[diagonal] <- FALSE
  B[hole] <- S[hole] <- NA
  mash_set_data(B, S, alpha = alpha, V = V)
}

correlated <- function(R) 0.4^abs(outer(seq_len(R), seq_len(R), "-"))

by_unit <- function(R, J = 12) {
  array(unlist(lapply(seq_len(J), \(j) (j / (2 * J))^abs(outer(1:R, 1:R, "-")))), c(R, R, J))
}
