# The benchmark cases, small to large. `peer`: also run with mashr (hours for the largest, so not
# there); `target`: how many times faster than mashr the fit must be.
mash_cases <- list(
  EE_2000x5 = list(J = 2000, R = 5, model = "EE", peer = TRUE, threads = 1, target = 20),
  EZ_2000x5 = list(J = 2000, R = 5, model = "EZ", peer = TRUE, threads = 1, target = NA),
  EE_5000x20 = list(J = 5000, R = 20, model = "EE", peer = TRUE, threads = 1, target = 50),
  EZ_2000x44 = list(J = 2000, R = 44, model = "EZ", peer = TRUE, threads = 1, target = 80),
  EE_2000x44 = list(J = 2000, R = 44, model = "EE", peer = TRUE, threads = 1, target = 150),
  EE_20000x44 = list(J = 20000, R = 44, model = "EE", peer = FALSE, threads = 2, target = NA)
)

case_input <- function(case) {
  w <- mash_workload(case$J, case$R, case$model)
  c(w, list(Ulist = workload_covariances(w)))
}
