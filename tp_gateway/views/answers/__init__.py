"""What is answered, declared: each view names its shapes (`answers={201: PAYMENT}`)."""
