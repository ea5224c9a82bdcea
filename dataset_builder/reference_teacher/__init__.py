"""The careful debugger: what it sees, what it concludes, what it does next, and how it says so."""
