"""What is done by a link in a mail: getting back in, confirming an e-mail, changing it."""
