"""What noise, lost frames, other extractors and attacks do to tokens, their shares and what is predicted from them."""
