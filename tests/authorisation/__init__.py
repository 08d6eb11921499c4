"""Who may do what (design decision 1): every action, every kind of caller, every kind of id."""
