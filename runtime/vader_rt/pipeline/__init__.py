"""The main job, one file a stage: options → scan → recover → finish → report; `api` runs them."""
